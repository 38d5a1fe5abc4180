"""What a recipient was sent on a channel, in the order of time: found by its queue entries and the messages' index."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import zstandard

from opendip.domain.replays import Position, Range
from opendip.store.chunks import MESSAGES_IN_A_CHUNK
from opendip.store.pool import Connection
from opendip.store.queries import load_queries
from opendip.store.submissions import ChunkKey

_WINDOW = timedelta(days=6)
"""As far as is looked ahead: so a long range costs no more for each step than a short one."""
_NO_NUMBER = 2**63 - 1
_HEAD_AT_LEAST = 18
"""Bytes in which a zstd frame tells how much it holds."""


class Sent(NamedTuple):
    """Messages of one submission that were put on one queue, ascending, and when they were accepted."""

    queue: int
    submission: int
    accepted_on: date
    members: Sequence[int]
    accepted_at: datetime


class Window(NamedTuple):
    """Some days that follow one another, and numbers of their submissions."""

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


async def find_window(connection: Connection, times: Range, low: int) -> Window | None:
    """The next few days of a range in which submissions have this number or a later one."""
    queries, (first, last) = load_queries("replays"), _list_days(times)
    least, most = await _find_numbers(connection, times)
    row = await connection.fetchrow(queries["find_next"], first, last, max(low, least))
    if row is None or row["id"] > most:
        return None
    first_day = row["accepted_on"]
    last_day = min(first_day + _WINDOW, last)
    high = await connection.fetchval(queries["find_last_number"], first_day, last_day)
    return Window(first_day, last_day, row["id"], min(high, most))


async def _find_numbers(connection: Connection, times: Range) -> tuple[int, int]:
    """Between which the numbers of all submissions of a range of times lie."""
    row = await connection.fetchrow(load_queries("replays")["find_numbers"], *_list_days(times), *times)
    assert row is not None
    return row["before"] or 0, row["after"] or _NO_NUMBER


def _list_days(times: Range) -> tuple[date, date]:
    return times.from_at.astimezone(UTC).date(), times.until.astimezone(UTC).date()


async def list_sent(
    connection: Connection, queues: Sequence[int], window: Window, entries: int, messages: int
) -> list[Sent]:
    """The first entries in the order of submissions: at most so many, no more once they hold so many messages."""
    w = window
    query = load_queries("replays")["list_sent"]
    rows = await connection.fetch(query, queues, w.low, w.high, w.first_day, w.last_day, entries, messages)
    return [Sent(*row) for row in rows]


async def count_sent(connection: Connection, queues: Sequence[int], times: Range) -> int:
    query, numbers = load_queries("replays")["count_sent"], await _find_numbers(connection, times)
    return int(await connection.fetchval(query, queues, *_list_days(times), *times, *numbers))


async def list_sent_about(
    connection: Connection,
    queues: Sequence[int],
    mpan: int,
    times: Range,
    after: Position,
    channel: str,
    event_code: str | None,
    most: int,
) -> list[Sent]:
    """The next messages about a metering point: at most so many, each once for every queue it was put on."""
    rows = await connection.fetch(
        load_queries("replays")["list_sent_about"],
        *(queues, mpan, *_list_days(times), *times, *after, channel, event_code, most),
    )
    return [
        Sent(queue, submission, day, (index,), at) for queues, submission, day, index, at in rows for queue in queues
    ]


async def count_sent_about(
    connection: Connection, queues: Sequence[int], mpan: int, times: Range, channel: str, event_code: str | None
) -> int:
    query = load_queries("replays")["count_sent_about"]
    place = (queues, mpan, *_list_days(times), *times, channel, event_code)
    return int(await connection.fetchval(query, *place))


async def list_sent_of(
    connection: Connection, queues: Sequence[int], wanted: Iterable[tuple[int, date, int]], oldest: datetime
) -> list[Sent]:
    """Those of the messages (submission, day, index) that were put on these queues, in the order of time."""
    submissions, days, indexes = (list(column) for column in zip(*wanted, strict=True))
    query = load_queries("replays")["list_sent_of"]
    rows = await connection.fetch(query, queues, submissions, days, indexes, oldest)
    return [Sent(queue, submission, day, (index,), at) for queue, submission, day, index, at in rows]


async def list_waiting(connection: Connection, sent: Sequence[Sent], since: datetime) -> set[tuple[int, int]]:
    """(queue, submission) of what has waited since then at least, and was not delivered yet at all."""
    if not sent:
        return set()
    days = [s.accepted_on for s in sent]
    rows = await connection.fetch(
        load_queries("replays")["list_waiting"],
        *([s.queue for s in sent], [s.submission for s in sent], min(days), max(days), since),
    )
    return {(row["queue"], row["submission"]) for row in rows}


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
