"""The result of `dip bench drain`: what `--json` writes, and the verdict on it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from opendip.bench.balance import balance
from opendip.bench.generator import Sent
from opendip.bench.options import DrainOptions
from opendip.bench.receivers import Delivery, Received
from opendip.bench.report import describe_setting
from opendip.bench.shares import HOT_PATH, list_cpu_us, share_cores
from opendip.bench.stretches import DrainRun, describe_stretch, find_usage, is_within_noise
from opendip.bench.transactions import INDEX_BITS
from opendip.simulator.table import find_quantile

_SHOWN = 5
_LEAST_COMPARED = 250_000
"""With fewer messages the end of the queue, which is still in the worker's memory, is more than two tenths of it."""
_LONG, _SHORT = slice(0, 3), slice(5, 8)
"""The tenths compared."""
_MORE = 1.25


class _Part(NamedTuple):
    """Deliveries in a row, and from when to when they went."""

    deliveries: Sequence[Delivery]
    began_at: float
    ended_at: float

    @property
    def messages(self) -> int:
        return sum(len(d.messages) for d in self.deliveries)


def make_drain_report(
    options: DrainOptions, run: DrainRun, received: Received, slow: str, other: str, began_at: datetime
) -> dict[str, Any]:
    drained = sorted((d for d in received.deliveries if d.dip_id == slow), key=lambda d: d.answered_at)
    drained = [d for d in drained if d.answered_at >= run.opened_at]
    others = [d for d in received.deliveries if d.dip_id == other]
    calls = [call for s in (run.build, *run.stretches.values()) for call in s.calls]
    books = balance(calls, [d._replace(dip_id="") for d in received.deliveries], [""])
    failures = [call.failure for call in calls if call.failure]
    report = {
        "drain": _describe_drain(run, drained),
        "others": {n: describe_stretch(s, others, run.accepted_at) for n, s in run.stretches.items()},
        "build": _describe_build(run),
        "rss_mb_at_percent_drained": _list_quarters(run, drained),
        "accepted": books.accepted,
        "delivered": books.delivered,
        "lost": books.lost,
        "duplicates": books.duplicates,
        "out_of_order": count_out_of_order(drained),
        "refused_calls": len(failures),
        "refusals": failures[:_SHOWN],
        "status_messages": len(received.statuses),
        "statuses": received.statuses[:_SHOWN],
        "run": {
            **describe_setting(began_at, run.database_settings),
            "options": {
                "messages": options.messages,
                "batch": options.batch,
                "limit": options.limit,
                "others_rate": options.others_rate,
                "others_seconds": options.others_seconds,
            },
        },
    }
    return {**report, "verdict": judge_drain(options, report)}


def judge_drain(options: DrainOptions, report: dict[str, Any]) -> dict[str, bool]:
    """What was promised, and whether it held."""
    drain, others = report["drain"], report["others"]
    is_long = drain["messages"] >= _LEAST_COMPARED
    long, short = drain["cpu_us_while_long"], drain["cpu_us_while_short"]
    p99 = {name: stretch["latency_ms"]["p99"] for name, stretch in others.items()}
    return {
        f"drains at {options.promised_rate:,g} a second or more": drain["messages_per_second"] >= options.promised_rate,
        "a long queue costs no more a batch": not is_long or long <= _MORE * short,
        "the other's p99 is the same beside the backlog": is_within_noise(p99["beside_standing"], p99["alone"]),
        "nothing lost, twice, refused or out of order": not any(
            report[name] for name in ("lost", "duplicates", "refused_calls", "status_messages", "out_of_order")
        ),
    }


def count_out_of_order(deliveries: Sequence[Delivery]) -> int:
    """How many messages came after a later one of the same submission."""
    latest: dict[int, int] = {}
    count = 0
    for delivery in deliveries:
        for number in delivery.messages:
            submission = number >> INDEX_BITS
            count += number < latest.get(submission, 0)
            latest[submission] = max(number, latest.get(submission, 0))
    return count


def _describe_drain(run: DrainRun, drained: Sequence[Delivery]) -> dict[str, Any]:
    parts = [drained[len(drained) * n // 10 : len(drained) * (n + 1) // 10] for n in range(10)]
    ends = [run.opened_at]
    for part in parts:
        ends.append(part[-1].answered_at if part else ends[-1])
    tenths = [_describe_part(run, _Part(part, *ends[n : n + 2])) for n, part in enumerate(parts)]
    return {
        **_describe_part(run, _Part(drained, ends[0], ends[-1])),
        "seconds": round(ends[-1] - ends[0], 3),
        "batches": len(drained),
        # The least of three, for what other work takes of the caches differs from tenth to tenth.
        "cpu_us_while_long": min(tenth["cpu_us"] for tenth in tenths[_LONG]),
        "cpu_us_while_short": min(tenth["cpu_us"] for tenth in tenths[_SHORT]),
        "tenths": tenths,
    }


def _describe_part(run: DrainRun, part: _Part) -> dict[str, Any]:
    before, after = find_usage(run.looks, part.began_at), find_usage(run.looks, part.ended_at)
    used = list_cpu_us(before, after, part.messages)
    gaps = sorted(1000 * (two.answered_at - one.answered_at) for one, two in pairwise(part.deliveries))
    return {
        "messages": part.messages,
        "messages_per_second": round(part.messages / max(part.ended_at - part.began_at, 0.001)),
        "ms_per_batch": round(find_quantile(gaps, 0.5), 1),
        "cpu_us": round(sum(used[name] for name in HOT_PATH), 1),
        "cpu_us_per_message": used,
        "cpu_percent": share_cores(before, after),
    }


def _describe_build(run: DrainRun) -> dict[str, Any]:
    calls: Sequence[Sent] = run.build.calls
    accepted = sum(call.accepted for call in calls)
    seconds = max(call.answered_at for call in calls) - min(call.sent_at for call in calls)
    return {
        "messages": accepted,
        "messages_per_second": round(accepted / seconds),
        "cpu_us_per_message": list_cpu_us(run.build.before, run.build.after, accepted),
        "cpu_percent": share_cores(run.build.before, run.build.after),
    }


def _list_quarters(run: DrainRun, drained: Sequence[Delivery]) -> dict[str, dict[str, float]]:
    quarters = {}
    for percent in (0, 25, 50, 75, 100):
        place = min(len(drained) * percent // 100, len(drained) - 1)
        at = drained[place].answered_at if drained and percent else run.opened_at
        nearest = min(run.looks, key=lambda look: abs(look.at - at))
        quarters[str(percent)] = {name: round(mb, 1) for name, mb in nearest.rss.items()}
    return quarters
