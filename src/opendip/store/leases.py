"""Leases: which worker delivers from which queue until when, and what came of each POST."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from opendip.domain.breakers import RECENT_MASK
from opendip.store.pool import Connection
from opendip.store.queries import load_queries

OWN_FAULT = "a fault of the DIP itself"
"""Begins the outcome of an attempt that did not come to a POST, so that the recipient is not blamed for it."""


class LeasedQueue(NamedTuple):
    """A queue this worker may deliver from, until its lease ends."""

    id: int
    dip_id: str
    role: str
    channel: str
    done: int
    done_on: date
    failures: int
    due_at: datetime
    """When it was due, as leased; another time by now means that it was woken meanwhile."""
    batch_limit: int | None
    """The most messages the recipient has taken at a time, since it found more too large."""
    breaker: str
    """The state of its webhook's breaker, as leased."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST: the positions it carried, when, for how long, and how it was answered."""

    queue: int
    from_position: int
    to_position: int
    attempted_at: datetime
    duration: timedelta
    status: int | None
    outcome: str
    response: bytes | None = None


class Recorded(Enum):
    """What recording a delivery came to."""

    KEPT = "kept"
    BREAKER_OPEN = "breaker open"
    """Kept; another delivery has found the webhook failing meanwhile."""
    LEASE_LOST = "lease lost"
    """Nothing was kept: another worker holds the queue."""


async def claim_queues(
    connection: Connection,
    worker: UUID,
    lease: timedelta,
    most: int,
    busy_with: Mapping[int, str],
    are_weak: bool | None = None,
    *,
    slow: Collection[str] = (),
    most_of_recipient: int = 1_000_000,
    dip_id: str = "",
) -> list[LeasedQueue]:
    """Leases on queues that are due: those that failed last or whose recipients are slow, the others, or either.

    `busy_with`: the queues this worker has in hand, and their recipients, of whom each has so many at most.
    `dip_id`: the DIP's own, whose queues no webhook is served from.
    """
    recipients = Counter(busy_with.values())
    rows = await connection.fetch(
        load_queries("leases")["claim_queues"],
        *(worker, lease, most, list(busy_with), are_weak),
        *(list(recipients), list(recipients.values()), most_of_recipient, dip_id, list(slow)),
    )
    return [LeasedQueue(*row) for row in rows]


async def record_delivery(
    connection: Connection, worker: UUID, queue: LeasedQueue, attempt: Attempt, done_on: date, lease: timedelta
) -> Recorded:
    """The recipient has answered for these positions."""
    row = await connection.fetchrow(
        load_queries("leases")["record_delivery"],
        *(queue.id, worker, *_spread(attempt), done_on, lease, queue.dip_id, queue.channel, RECENT_MASK),
    )
    if row is None:
        return Recorded.LEASE_LOST
    return Recorded.BREAKER_OPEN if row[0] else Recorded.KEPT


async def record_failure(
    connection: Connection, worker: UUID, attempt: Attempt, next_in: timedelta, due_at: datetime
) -> bool:
    """These positions must be sent again, after that time or when the queue is woken. The lease is given back.

    False when another worker holds the queue by now.
    """
    row = await connection.fetchrow(
        load_queries("leases")["record_failure"], attempt.queue, worker, *_spread(attempt), next_in, due_at
    )
    return row is not None


async def record_holes(
    connection: Connection, worker: UUID, queue: LeasedQueue, failures: int, next_in: timedelta
) -> None:
    """A delivery that was recorded left something out: the queue rests for a while, and its lease is given back."""
    query = load_queries("leases")["record_holes"]
    await connection.execute(query, queue.id, worker, failures, next_in, queue.due_at)


async def record_stop(connection: Connection, worker: UUID, attempt: Attempt, due_at: datetime) -> bool:
    """Nothing goes from this queue until it is woken; False when it was woken meanwhile, or the lease was lost."""
    query = load_queries("leases")["record_stop"]
    return bool(await connection.fetchval(query, attempt.queue, worker, *_spread(attempt), due_at))


async def record_limit(connection: Connection, worker: UUID, attempt: Attempt, limit: int) -> bool:
    """From now on at most so many messages go at a time. False when another worker holds the queue by now."""
    query = load_queries("leases")["record_limit"]
    return await connection.fetchval(query, attempt.queue, worker, *_spread(attempt), limit) is not None


def _spread(attempt: Attempt) -> tuple[int, int, datetime, int, int | None, str, bytes | None]:
    milliseconds = round(attempt.duration.total_seconds() * 1000)
    a = attempt
    return (
        a.from_position,
        a.to_position,
        a.attempted_at,
        milliseconds,
        a.status,
        a.outcome,
        a.response,
    )


async def postpone_queue(connection: Connection, worker: UUID, queue: LeasedQueue, next_in: timedelta) -> None:
    """Gives the lease back; the queue is due after that time, or when it is woken."""
    await connection.execute(load_queries("leases")["postpone_queue"], queue.id, worker, next_in, queue.due_at)


async def hold_webhook(connection: Connection, dip_id: str, channel: str, wait: timedelta) -> None:
    """Nothing goes to this webhook for a while, from none of its queues."""
    await connection.execute(load_queries("leases")["hold_webhook"], dip_id, channel, wait)


async def release_queue(connection: Connection, worker: UUID, queue: int) -> None:
    await connection.execute(load_queries("leases")["release_queue"], queue, worker)


async def renew_leases(connection: Connection, worker: UUID, lease: timedelta) -> None:
    await connection.execute(load_queries("leases")["renew_leases"], worker, lease)
