"""The queues that lead to the DIP itself: it reads them in transactions, where recipients are called over a wire."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class LockedQueue(NamedTuple):
    """A queue of the DIP's own; nobody else reads it until the transaction ends."""

    id: int
    channel: str
    done: int
    done_on: date
    failures: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the next positions of a queue, up to this one."""

    queue: LockedQueue
    to_position: int
    done_on: date
    began_at: datetime
    duration: timedelta
    outcome: str
    wait: timedelta | None = None
    """How long to leave the queue alone; after failures only."""


async def lock_queue(connection: Connection, dip_id: str) -> LockedQueue | None:
    """A queue that is due, one after the other; None when there is none, or others are reading them."""
    row = await connection.fetchrow(load_queries("own_queues")["lock_queue"], dip_id)
    return None if row is None else LockedQueue(*row)


async def record_reading(connection: Connection, reading: Reading) -> bool:
    """The positions are done with. False when somebody else has done so meanwhile."""
    r = reading
    milliseconds = round(r.duration.total_seconds() * 1000)
    row = await connection.fetchrow(
        load_queries("own_queues")["record_reading"],
        *(r.queue.id, r.queue.done, r.to_position, r.done_on, r.wait, r.began_at, milliseconds, r.outcome),
    )
    return row is not None


async def postpone_reading(connection: Connection, queue: LockedQueue, wait: timedelta) -> None:
    await connection.execute(load_queries("own_queues")["postpone_reading"], queue.id, wait)
