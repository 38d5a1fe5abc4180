"""The books of a run: what was promised against what arrived, and how long it took."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from opendip.bench.generator import Sent
from opendip.bench.receivers import Delivery
from opendip.bench.transactions import INDEX_BITS
from opendip.simulator.table import find_quantile

_QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


@dataclass(frozen=True, slots=True)
class Balance:
    """Messages accepted; deliveries that arrived, each counted once; what is missing; what came again."""

    accepted: int
    delivered: int
    lost: int
    duplicates: int


def balance(calls: Iterable[Sent], deliveries: Sequence[Delivery], recipients: Sequence[str]) -> Balance:
    """Every recipient is owed every message that an answer promised."""
    promised = {call.submission: call.accepted for call in calls if call.accepted}
    delivered = lost = duplicates = 0
    for recipient in recipients:
        arrived = list(_list_arrived(deliveries, recipient, promised))
        unique = set(arrived)
        by_submission = Counter(number >> INDEX_BITS for number in unique)
        lost += sum(max(0, owed - by_submission[submission]) for submission, owed in promised.items())
        delivered += len(unique)
        duplicates += len(arrived) - len(unique)
    return Balance(sum(promised.values()), delivered, lost, duplicates)


def list_latencies(deliveries: Iterable[Delivery], accepted_at: Mapping[int, float]) -> list[float]:
    """Milliseconds from acceptance to the recipient's answer, ascending, one a delivery.

    `accepted_at`: the submissions that count, in seconds since the epoch.
    """
    latencies: list[float] = []
    for delivery in deliveries:
        counts = Counter(number >> INDEX_BITS for number in delivery.messages)
        for submission, count in counts.items():
            if submission in accepted_at:
                latencies += [1000 * (delivery.answered_at - accepted_at[submission])] * count
    return sorted(latencies)


def summarise(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and max of ascending values."""
    return {name: round(find_quantile(values, share), 1) for name, share in _QUANTILES}


def _list_arrived(deliveries: Iterable[Delivery], recipient: str, promised: Mapping[int, int]) -> Iterable[int]:
    numbers = chain.from_iterable(d.messages for d in deliveries if d.dip_id == recipient)
    return (number for number in numbers if number >> INDEX_BITS in promised)
