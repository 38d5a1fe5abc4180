"""The parts of a scenario's run: what was sent in each, what it used, and what was seen on the way."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from opendip.bench.balance import list_latencies, summarise
from opendip.bench.generator import Sent
from opendip.bench.receivers import Delivery, Received
from opendip.bench.shares import share_cores
from opendip.bench.usage import MachineTime, Usage

_LEAST_MORE_MS = 10.0
_NOISE = 0.25


class Stretch(NamedTuple):
    """A part of a run: what was sent in it, and what had been used before and after."""

    calls: Sequence[Sent]
    before: Usage
    after: Usage


class Look(NamedTuple):
    """What had been used, and was held in memory, at a moment in seconds since the epoch."""

    at: float
    usage: Usage
    rss: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DrainRun:
    """Everything noted of a run in which a backlog was built up and drained."""

    build: Stretch
    stretches: Mapping[str, Stretch]
    """The other recipient's, by how things stood."""
    opened_at: float
    looks: Sequence[Look]
    accepted_at: Mapping[int, float]
    database_settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeadRun:
    """Everything noted of a run in which some recipients were dead for a while."""

    stretches: Mapping[str, Stretch]
    late: Received
    """What the dead took when they had come back."""
    ways: Sequence[str]
    failed_calls: int
    accepted_at: Mapping[int, float]
    database_settings: Mapping[str, str]


def describe_stretch(
    stretch: Stretch, deliveries: Sequence[Delivery], accepted_at: Mapping[int, float]
) -> dict[str, Any]:
    """How long these deliveries of what was sent in it took, and who had the cores meanwhile."""
    sent = [c.submission for c in stretch.calls if c.submission in accepted_at]
    latencies = list_latencies(deliveries, {submission: accepted_at[submission] for submission in sent})
    return {
        "deliveries": len(latencies),
        "latency_ms": summarise(latencies),
        "p99_ms_of_tenths": _list_p99(sent, deliveries, accepted_at),
        "cpu_percent": share_cores(stretch.before, stretch.after),
    }


def _list_p99(sent: Sequence[int], deliveries: Sequence[Delivery], accepted_at: Mapping[int, float]) -> list[float]:
    """Tenth by tenth, for a p99 that is high throughout and one moment of somebody else's work are two things."""
    tenths = [sent[len(sent) * n // 10 : len(sent) * (n + 1) // 10] for n in range(10)]
    return [
        summarise(list_latencies(deliveries, {submission: accepted_at[submission] for submission in tenth}))["p99"]
        for tenth in tenths
    ]


def is_within_noise(p99: float, without: float) -> bool:
    """Whether a p99 is no more than another, as far as runs of a minute on shared cores can tell."""
    return p99 <= without + max(_LEAST_MORE_MS, _NOISE * without)


def find_usage(looks: Sequence[Look], at: float) -> Usage:
    """What had been used at a moment between two looks, as if it had been used evenly."""
    place = min(max(bisect_left(looks, at, key=lambda look: look.at), 1), len(looks) - 1)
    earlier, later = looks[place - 1], looks[place]
    span = later.at - earlier.at
    share = min(max((at - earlier.at) / span, 0.0), 1.0) if span else 1.0
    one, two = earlier.usage, later.usage
    return Usage(
        {name: seconds + share * (two.cpu[name] - seconds) for name, seconds in one.cpu.items()},
        MachineTime(*(a + share * (b - a) for a, b in zip(one.machine, two.machine, strict=True))),
    )
