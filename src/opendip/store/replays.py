"""What a recipient was sent on a channel, in the order of time: found by its queue entries and the messages' index."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import zstandard

from opendip.domain.replays import Position, Range
from opendip.store.chunks import MESSAGES_IN_A_CHUNK
from opendip.store.pool import Connection
from opendip.store.queries import load_queries
from opendip.store.submissions import ChunkKey

_HEAD_AT_LEAST = 18
"""Bytes in which a zstd frame tells how much it holds."""


class Sent(NamedTuple):
    """Messages of one submission that were put on one queue, ascending."""

    queue: int
    submission: int
    accepted_on: date
    members: Sequence[int]


class Named(NamedTuple):
    """One message that was put on a queue, and when it was accepted."""

    queue: int
    submission: int
    accepted_on: date
    message_index: int
    accepted_at: datetime


class Numbers(NamedTuple):
    """The numbers of the submissions of some days."""

    first_day: date
    last_day: date
    low: int
    high: int


async def list_own_queues(
    connection: Connection, dip_id: str, channel: str, roles: Collection[str] | None
) -> list[int]:
    """The queues of a recipient on a channel: of all the roles it ever had (None), or of some."""
    wanted = None if roles is None else list(roles)
    rows = await connection.fetch(load_queries("replays")["list_own_queues"], dip_id, channel, wanted)
    return [row["id"] for row in rows]


async def find_numbers(connection: Connection, times: Range) -> Numbers | None:
    """None when nothing was accepted on these days."""
    first, last = times.from_at.astimezone(UTC).date(), times.until.astimezone(UTC).date()
    row = await connection.fetchrow(load_queries("replays")["find_numbers"], first, last)
    return None if row is None or row["low"] is None else Numbers(first, last, row["low"], row["high"])


async def list_sent(
    connection: Connection, queues: Sequence[int], numbers: Numbers, times: Range, entries: int, messages: int
) -> list[Sent]:
    """The first entries in the order of time: at most so many, and no more once they hold so many messages."""
    n = numbers
    rows = await connection.fetch(
        load_queries("replays")["list_sent"],
        *(queues, n.low, n.high, n.first_day, n.last_day, *times, entries, messages),
    )
    return [Sent(*row) for row in rows]


async def count_sent(connection: Connection, queues: Sequence[int], numbers: Numbers, times: Range) -> int:
    n = numbers
    query = load_queries("replays")["count_sent"]
    return int(await connection.fetchval(query, queues, n.low, n.high, n.first_day, n.last_day, *times))


async def list_sent_about(
    connection: Connection,
    queues: Sequence[int],
    mpan: int,
    numbers: Numbers,
    times: Range,
    after: Position,
    channel: str,
    event_code: str | None,
    most: int,
) -> list[Sent]:
    """The next messages about a metering point: at most so many, each once for every queue it was put on."""
    n = numbers
    rows = await connection.fetch(
        load_queries("replays")["list_sent_about"],
        *(queues, mpan, n.first_day, n.last_day, n.low, n.high, *after, *times, channel, event_code, most),
    )
    return [Sent(queue, submission, day, (index,)) for queues, submission, day, index in rows for queue in queues]


async def count_sent_about(
    connection: Connection,
    queues: Sequence[int],
    mpan: int,
    numbers: Numbers,
    times: Range,
    channel: str,
    event_code: str | None,
) -> int:
    n = numbers
    place = (queues, mpan, n.first_day, n.last_day, n.low, n.high, *times, channel, event_code)
    return int(await connection.fetchval(load_queries("replays")["count_sent_about"], *place))


async def list_sent_of(
    connection: Connection, queues: Sequence[int], wanted: Iterable[tuple[int, date, int]], oldest: datetime
) -> list[Named]:
    """Those of the messages (submission, day, index) that were put on these queues, in the order of time."""
    submissions, days, indexes = (list(column) for column in zip(*wanted, strict=True))
    rows = await connection.fetch(load_queries("replays")["list_sent_of"], queues, submissions, days, indexes, oldest)
    return [Named(*row) for row in rows]


async def list_of_event(connection: Connection, sent: Sequence[Sent], event_code: str) -> set[tuple[int, int]]:
    """(submission, index) of those messages that are of the event code. Their submissions follow one another."""
    pairs = {(s.submission, index) for s in sent for index in s.members}
    days, submissions = [s.accepted_on for s in sent], [s.submission for s in sent]
    if not pairs:
        return set()
    rows = await connection.fetch(
        load_queries("replays")["list_of_event"],
        *([submission for submission, _ in pairs], [index for _, index in pairs]),
        *(min(days), max(days), min(submissions), max(submissions), event_code),
    )
    return {(row["submission"], row["index"]) for row in rows}


async def measure_chunks(connection: Connection, keys: Sequence[ChunkKey]) -> dict[tuple[int, int], int]:
    """How many bytes a message of a chunk has on average, by (submission, number); read from its first bytes alone."""
    rows = await connection.fetch(
        load_queries("replays")["list_chunk_heads"],
        [k.submission for k in keys],
        [k.number for k in keys],
        [k.accepted_on for k in keys],
    )
    return {
        (submission, number): _read_size(head) // _count_messages(number, message_count)
        for submission, number, head, message_count in rows
    }


def _read_size(head: bytes) -> int:
    return zstandard.frame_content_size(head.ljust(_HEAD_AT_LEAST, b"\0"))


def _count_messages(number: int, in_submission: int) -> int:
    return min(MESSAGES_IN_A_CHUNK, in_submission - number * MESSAGES_IN_A_CHUNK)
