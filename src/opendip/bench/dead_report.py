"""The result of `dip bench dead`: what `--json` writes, and the verdict on it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from opendip.bench.balance import balance
from opendip.bench.options import DeadOptions
from opendip.bench.receivers import Received
from opendip.bench.report import describe_setting
from opendip.bench.stretches import DeadRun, describe_stretch, is_within_noise

_SHOWN = 5


def make_dead_report(
    options: DeadOptions, run: DeadRun, received: Received, well: Sequence[str], began_at: datetime
) -> dict[str, Any]:
    calls = [call for stretch in run.stretches.values() for call in stretch.calls]
    deliveries = [d for d in received.deliveries if d.dip_id in set(well)]
    everything = [*received.deliveries, *run.late.deliveries]
    books = balance(calls, [d._replace(dip_id="") for d in everything], [""])
    failures = [call.failure for call in calls if call.failure]
    statuses = [*received.statuses, *run.late.statuses]
    report = {
        "well": {name: describe_stretch(s, deliveries, run.accepted_at) for name, s in run.stretches.items()},
        "dead": {
            "ways": dict(Counter(run.ways)),
            "calls_failed": run.failed_calls,
            "delivered_when_back": sum(len(d.messages) for d in run.late.deliveries),
        },
        "accepted": books.accepted,
        "delivered": books.delivered,
        "lost": books.lost,
        "duplicates": books.duplicates,
        "refused_calls": len(failures),
        "refusals": failures[:_SHOWN],
        "status_messages": len(statuses),
        "statuses": statuses[:_SHOWN],
        "run": {
            **describe_setting(began_at, run.database_settings),
            "options": {
                "recipients": options.recipients,
                "dead": options.dead,
                "rate": options.rate,
                "seconds": options.seconds,
            },
        },
    }
    return {**report, "verdict": judge_dead(report)}


def judge_dead(report: dict[str, Any]) -> dict[str, bool]:
    """What was promised, and whether it held."""
    p99 = {name: stretch["latency_ms"]["p99"] for name, stretch in report["well"].items()}
    without = max(p99["without"], p99["without_again"])
    return {
        "those that are well see the same p99 beside the dead": is_within_noise(p99["beside"], without),
        "nothing lost, twice or refused": not any(
            report[name] for name in ("lost", "duplicates", "refused_calls", "status_messages")
        ),
    }
