"""The result of a run: what `--json` writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opendip.bench.balance import balance, list_latencies, summarise
from opendip.bench.generator import IN_FLIGHT, WARM_UP_BATCHES, Sent
from opendip.bench.machine import describe_machine, describe_software
from opendip.bench.options import BenchOptions
from opendip.bench.receivers import Delivery, Received
from opendip.bench.shares import HOT_PATH, list_cpu_us, share_cores
from opendip.bench.transactions import INDEX_BITS
from opendip.bench.watching import Run, Sample

ARCHIVE = ("submission", "chunk", "message", "sender_reference")
QUEUES = (
    "queue",
    "queue_progress",
    "queue_entry",
    "status_message",
    "attempt",
    "dead_letter",
    "intake",
)
_SHOWN = 5


def make_report(
    options: BenchOptions, run: Run, received: Received, recipients: Sequence[str], began_at: datetime
) -> dict[str, Any]:
    books = balance(run.calls, received.deliveries, recipients)
    latencies = list_latencies(received.deliveries, run.accepted_at)
    began = min(call.sent_at for call in run.calls)
    seconds = _find_last_answer(received.deliveries, run) - began
    sending = max(call.answered_at for call in run.calls) - began
    failures = [call.failure for call in run.calls if call.failure]
    return {
        "messages_per_second": round(books.accepted / seconds),
        "deliveries_per_second": round(books.delivered / seconds),
        "accepted_per_second": round(books.accepted / sending),
        "seconds": round(seconds, 3),
        "latency_ms": summarise(latencies),
        **_report_usage(run, books.accepted),
        "accepted": books.accepted,
        "delivered": books.delivered,
        "lost": books.lost,
        "duplicates": books.duplicates,
        "refused_calls": len(failures),
        "refusals": failures[:_SHOWN],
        "status_messages": len(received.statuses),
        "statuses": received.statuses[:_SHOWN],
        **_report_sending(run.calls),
        "run": _describe_run(options, run, began_at),
    }


def describe_setting(began_at: datetime, database_settings: Mapping[str, str]) -> dict[str, Any]:
    """When a result was measured, and on what."""
    return {
        "at": began_at.isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "software": describe_software(database_settings),
    }


def _find_last_answer(deliveries: Sequence[Delivery], run: Run) -> float:
    """When the last delivery of the run was answered; if none was, when the last call was."""
    arrived = (d.answered_at for d in deliveries if d.messages[0] >> INDEX_BITS in run.accepted_at)
    return max(arrived, default=max(call.answered_at for call in run.calls))


def _report_usage(run: Run, accepted: int) -> dict[str, Any]:
    messages = max(accepted, 1)
    cpu = list_cpu_us(run.before.usage, run.after.usage, messages)
    hot = {name: cpu.pop(name) for name in HOT_PATH}
    tables = {name: (size - run.before.tables.get(name, 0)) / messages for name, size in run.after.tables.items()}
    return {
        "cpu_us_per_message": {**hot, "total": round(sum(hot.values()), 1)},
        "cpu_us_per_message_beside": cpu,
        "cpu_percent": share_cores(run.before.usage, run.after.usage),
        "peak_rss_mb": {name: round(mb, 1) for name, mb in run.peak_mb.items()},
        "rss_mb_at_percent_delivered": _list_quarters(run.samples),
        "disk_bytes_per_message": {
            "archive": round(sum(tables.get(name, 0) for name in ARCHIVE), 1),
            "queues": round(sum(tables.get(name, 0) for name in QUEUES), 1),
            "by_table": {name: round(size, 1) for name, size in sorted(tables.items()) if round(size, 1)},
        },
        "log_bytes_per_message": round((run.after.log_position - run.before.log_position) / messages, 1),
    }


def _report_sending(calls: Sequence[Sent]) -> dict[str, Any]:
    """How late batches left, and how long a call took to be answered."""
    lags = sorted(1000 * (call.sent_at - call.due_at) for call in calls)
    answers = sorted(1000 * (call.answered_at - call.sent_at) for call in calls)
    return {"send_lag_ms": summarise(lags), "answer_ms": summarise(answers), "calls": len(calls)}


def _list_quarters(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    delivered = samples[-1].delivered
    quarters = {}
    for percent in (25, 50, 75, 100):
        wanted = delivered * percent / 100
        nearest = min(reversed(samples), key=lambda sample: abs(sample.delivered - wanted))
        quarters[str(percent)] = {name: round(mb, 1) for name, mb in nearest.rss.items()}
    return quarters


def _describe_run(options: BenchOptions, run: Run, began_at: datetime) -> dict[str, Any]:
    return {
        **describe_setting(began_at, run.database_settings),
        "options": {
            "messages": options.planned,
            "batch": options.batch,
            "recipients": options.recipients,
            "rate": options.rate,
            "seconds": options.seconds,
        },
        "connections": IN_FLIGHT if options.rate is None else "one a batch",
        "warm_up_batches": WARM_UP_BATCHES,
    }
