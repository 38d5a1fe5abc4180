"""Queues that lead to recipients: positions handed out, entries appended, progress recorded, leases held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class QueueName(NamedTuple):
    """A recipient id in a role on a channel; a sender's status messages have the channel STATUS and no role."""

    dip_id: str
    role: str
    channel: str


class Entry(NamedTuple):
    """A run of positions of one queue, all messages of one submission: `members` are their indexes, ascending."""

    last_position: int
    message_count: int
    submission: int
    accepted_on: date
    routed_on: date
    members: Sequence[int]
    queued_at: datetime
    """When it was first put on a queue: what is too old is a dead letter (FS 5.5.8)."""
    replay: int | None
    """The number of the replay under whose transaction ids it goes; None: under its first ones."""

    @property
    def first_position(self) -> int:
        return self.last_position - self.message_count + 1


class NewEntry(NamedTuple):
    """An entry before it has its positions."""

    queue: int
    submission: int
    accepted_on: date
    members: Sequence[int]
    queued_at: datetime | None = None
    """None: now."""
    replay: int | None = None


class StatusEntry(NamedTuple):
    """A status message on its sender's queue, encoded as JSON."""

    last_position: int
    created_on: date
    entry: bytes
    queued_at: datetime


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


class Backlog(NamedTuple):
    """How far a queue has come."""

    dip_id: str
    role: str
    channel: str
    tail: int
    done: int
    failures: int


async def list_queues(connection: Connection, names: Iterable[QueueName]) -> dict[QueueName, int]:
    """The ids of these queues, made where they are missing."""
    wanted = sorted(set(names))
    found: dict[QueueName, int] = {}
    while missing := [n for n in wanted if n not in found]:
        rows = await connection.fetch(
            load_queries("queues")["list_queues"],
            [n.dip_id for n in missing],
            [n.role for n in missing],
            [n.channel for n in missing],
        )
        found |= {QueueName(r["dip_id"], r["role"], r["channel"]): r["id"] for r in rows}
    return found


async def append_entries(
    connection: Connection, entries: Sequence[NewEntry], statuses: Mapping[int, Sequence[bytes]], now: datetime
) -> None:
    """Puts messages and status messages (queue id to their JSON) on their queues, at positions without gaps."""
    added: dict[int, int] = {}
    for entry in entries:
        added[entry.queue] = added.get(entry.queue, 0) + len(entry.members)
    for queue, texts in statuses.items():
        added[queue] = added.get(queue, 0) + len(texts)
    position = await _advance_tails(connection, added)
    today = now.astimezone(UTC).date()
    rows = []
    for entry in entries:
        count = len(entry.members)
        position[entry.queue] += count
        rows.append(
            (
                entry.queue,
                position[entry.queue],
                count,
                entry.submission,
                entry.accepted_on,
                today,
                entry.members,
                entry.queued_at or now,
                entry.replay,
            )
        )
    if rows:
        columns = Entry._fields
        await connection.copy_records_to_table("queue_entry", records=rows, columns=["queue", *columns])
    await _append_statuses(connection, statuses, position, now)


async def _advance_tails(connection: Connection, added: Mapping[int, int]) -> dict[int, int]:
    """The positions before the first new one."""
    rows = await connection.fetch(load_queries("queues")["advance_tails"], list(added), list(added.values()))
    return {queue: tail - added[queue] for queue, tail in rows}


async def _append_statuses(
    connection: Connection, statuses: Mapping[int, Sequence[bytes]], position: dict[int, int], now: datetime
) -> None:
    today = now.astimezone(UTC).date()
    rows = [
        (queue, position[queue] + number, today, text, now)
        for queue, texts in statuses.items()
        for number, text in enumerate(texts, 1)
    ]
    if rows:
        columns = ["queue", *StatusEntry._fields]
        await connection.copy_records_to_table("status_message", records=rows, columns=columns)


async def claim_queues(
    connection: Connection,
    worker: UUID,
    lease: timedelta,
    most: int,
    busy_with: Sequence[int],
    has_failed: bool | None = None,
) -> list[LeasedQueue]:
    """Leases on queues that are due, and that nobody is busy with: those that failed last, the others, or either."""
    rows = await connection.fetch(load_queries("queues")["claim_queues"], worker, lease, most, busy_with, has_failed)
    return [LeasedQueue(*row) for row in rows]


async def list_entries(connection: Connection, queue: int, done: int, done_on: date, most: int) -> list[Entry]:
    rows = await connection.fetch(load_queries("queues")["list_entries"], queue, done, done_on, most)
    return [Entry(*row) for row in rows]


async def list_status_messages(
    connection: Connection, queue: int, done: int, done_on: date, most: int
) -> list[StatusEntry]:
    rows = await connection.fetch(load_queries("queues")["list_status_messages"], queue, done, done_on, most)
    return [StatusEntry(*row) for row in rows]


async def record_delivery(
    connection: Connection, worker: UUID, attempt: Attempt, done_on: date, lease: timedelta
) -> bool:
    """The recipient has answered for these positions. False when another worker holds the queue by now."""
    row = await connection.fetchrow(
        load_queries("queues")["record_delivery"], attempt.queue, worker, *_spread(attempt), done_on, lease
    )
    return row is not None


async def record_failure(
    connection: Connection, worker: UUID, attempt: Attempt, next_in: timedelta, due_at: datetime
) -> bool:
    """These positions must be sent again, after that time or when the queue is woken. The lease is given back."""
    row = await connection.fetchrow(
        load_queries("queues")["record_failure"], attempt.queue, worker, *_spread(attempt), next_in, due_at
    )
    return row is not None


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
    await connection.execute(load_queries("queues")["postpone_queue"], queue.id, worker, next_in, queue.due_at)


async def release_queue(connection: Connection, worker: UUID, queue: int) -> None:
    await connection.execute(load_queries("queues")["release_queue"], queue, worker)


async def renew_leases(connection: Connection, worker: UUID, lease: timedelta) -> None:
    await connection.execute(load_queries("queues")["renew_leases"], worker, lease)


async def wake_queues(connection: Connection, dip_id: str, channel: str | None = None) -> None:
    """Makes a recipient's queues due at once, for its webhook has changed."""
    await connection.execute(load_queries("queues")["wake_queues"], dip_id, channel)


async def count_backlog(connection: Connection) -> list[Backlog]:
    return [Backlog(*row) for row in await connection.fetch(load_queries("queues")["count_backlog"])]
