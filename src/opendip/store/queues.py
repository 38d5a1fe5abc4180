"""Queues that lead to recipients: positions handed out, entries appended and read, queues woken."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from opendip.store.breakers import try_breakers
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
    connection: Connection,
    entries: Sequence[NewEntry],
    statuses: Mapping[int, Sequence[bytes]],
    now: datetime,
    *,
    is_again: bool = False,
    statuses_queued_at: datetime | None = None,
) -> None:
    """Puts messages and status messages (queue id to their JSON) on their queues, at positions without gaps.

    `is_again`: the status messages were there before, so that a replay has them from there. `statuses_queued_at`: how
    old they are, when they are not new.
    """
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
    await _append_statuses(connection, statuses, position, now, statuses_queued_at or now, is_again)


async def _advance_tails(connection: Connection, added: Mapping[int, int]) -> dict[int, int]:
    """The positions before the first new one."""
    rows = await connection.fetch(load_queries("queues")["advance_tails"], list(added), list(added.values()))
    return {queue: tail - added[queue] for queue, tail in rows}


async def _append_statuses(
    connection: Connection,
    statuses: Mapping[int, Sequence[bytes]],
    position: dict[int, int],
    now: datetime,
    queued_at: datetime,
    is_again: bool,
) -> None:
    today = now.astimezone(UTC).date()
    rows = [
        (queue, position[queue] + number, today, text, queued_at, is_again)
        for queue, texts in statuses.items()
        for number, text in enumerate(texts, 1)
    ]
    if rows:
        columns = ["queue", *StatusEntry._fields, "is_again"]
        await connection.copy_records_to_table("status_message", records=rows, columns=columns)


async def list_entries(
    connection: Connection, queue: int, done: int, done_on: date, most: int, messages: int | None = None
) -> list[Entry]:
    """The next entries, at most so many; no more than it takes to have so many messages, if that is said."""
    rows = await connection.fetch(load_queries("queues")["list_entries"], queue, done, done_on, most, messages)
    return [Entry(*row) for row in rows]


async def list_status_messages(
    connection: Connection, queue: int, done: int, done_on: date, most: int
) -> list[StatusEntry]:
    rows = await connection.fetch(load_queries("queues")["list_status_messages"], queue, done, done_on, most)
    return [StatusEntry(*row) for row in rows]


async def wake_queues(connection: Connection, dip_id: str, channel: str | None = None) -> None:
    """Makes a recipient's queues due at once, stopped ones too: its webhook has changed, or is said to be mended."""
    await connection.execute(load_queries("queues")["wake_queues"], dip_id, channel)
    await try_breakers(connection, dip_id, channel)


async def count_backlog(connection: Connection) -> list[Backlog]:
    return [Backlog(*row) for row in await connection.fetch(load_queries("queues")["count_backlog"])]
