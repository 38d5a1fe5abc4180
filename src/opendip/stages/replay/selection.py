"""What a recipient was sent and asks for again, block after block in the order of time.

Only what stood on the recipient's own queues is ever looked at, so nobody finds what was not sent to them.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from opendip.domain.publications import Header
from opendip.domain.references import find_transaction
from opendip.domain.replays import LAST_INDEX, Position, Range, Wanted, find_range
from opendip.stages.replay.channels import ReplayChannel
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.pool import Connection
from opendip.store.replays import (
    Sent,
    Window,
    find_window,
    list_of_event,
    list_own_queues,
    list_sent,
    list_sent_about,
    list_sent_of,
)
from opendip.store.submissions import ChunkKey, list_addressed_chunks

_ENTRIES_READ = 1000
_NO_LIMIT = 2**31 - 1
_CHUNKS_READ = 8


@dataclass(frozen=True, slots=True)
class Filter:
    """What the messages must have besides; None: anything."""

    event_code: str | None
    mpan: int | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """A request as it is to be found: on which queues, and either in a range of times or these messages alone."""

    channel: str
    queues: Sequence[int]
    filter: Filter
    times: Range | None
    named: Sequence[Sent]


@dataclass(frozen=True, slots=True)
class Block:
    """Some of what is wanted, in the order of time."""

    sent: Sequence[Sent]
    seen: int
    """Messages that were looked at, those that were filtered out too."""
    reached: Position
    is_last: bool


async def select(
    connection: Connection,
    wanted: Wanted,
    recipient: str,
    roles: Collection[str] | None,
    channel: ReplayChannel,
    now: datetime,
) -> Selection:
    """`roles`: of the recipient, those in which the caller may see what it was sent; None: all it ever had."""
    queues = await list_own_queues(connection, recipient, channel.id, roles)
    oldest = channel.get_oldest(now)
    named = await _find_named(connection, queues, wanted.transactions, channel.id, oldest)
    times = find_range(wanted, [one.accepted_at for one in named], oldest, now)
    return Selection(channel.id, queues, Filter(wanted.event_code, wanted.mpan, wanted.version), times, named)


async def _find_named(
    connection: Connection, queues: Sequence[int], transactions: Iterable[str], channel: str, oldest: datetime
) -> list[Sent]:
    found = [find_transaction(text) for text in transactions]
    wanted = {(t.submission, t.accepted_on, t.message_index) for t in found if t is not None and t.channel == channel}
    return await list_sent_of(connection, queues, wanted, oldest) if wanted else []


async def read_block(connection: Connection, selection: Selection, after: Position, most: int) -> Block:
    """What comes after a position: about so many messages before they are filtered, or one larger submission."""
    times = selection.times
    if times is None:
        return await _read_named(connection, selection, after)
    if times.from_at >= times.until or not selection.queues:
        return Block((), 0, after, is_last=True)
    if selection.filter.mpan is not None:
        return await _read_about(connection, selection, times, after, most)
    return await _read_entries(connection, selection, times, after, most)


async def _read_named(connection: Connection, selection: Selection, after: Position) -> Block:
    sent = _unite(selection.named, after)
    matching = await _find_matching(connection, sent, selection.filter)
    return _make_block(sent, _keep(sent, matching), after, is_last=True)


async def _read_about(connection: Connection, selection: Selection, times: Range, after: Position, most: int) -> Block:
    wanted = selection.filter
    assert wanted.mpan is not None
    place = (selection.queues, wanted.mpan, times, after, selection.channel)
    read = await list_sent_about(connection, *place, wanted.event_code, most)
    is_last = len({(one.submission, *one.members) for one in read}) < most
    sent = _unite(read, after)
    kept = await _keep_version(connection, sent, wanted)
    return _make_block(sent, kept, after, is_last=is_last)


async def _read_entries(
    connection: Connection, selection: Selection, times: Range, after: Position, most: int
) -> Block:
    low = after.submission + (after.message_index == LAST_INDEX)
    window = await find_window(connection, times, low)
    if window is None:
        return Block((), 0, after, is_last=True)
    read, reached = await _read_window(connection, selection.queues, window, most)
    sent = _unite([one for one in read if times.from_at <= one.accepted_at < times.until], after)
    kept = await _keep_event(connection, sent, selection.filter)
    kept = await _keep_version(connection, kept, selection.filter)
    return Block(kept, _count(sent), Position(reached, LAST_INDEX), is_last=False)


async def _read_window(
    connection: Connection, queues: Sequence[int], window: Window, most: int
) -> tuple[Sequence[Sent], int]:
    """Whole submissions, up to a number: the last one read may have further entries, so it waits, or is all of it."""
    read = await list_sent(connection, queues, window, _ENTRIES_READ, most)
    if len(read) < _ENTRIES_READ and _count(read) < most:
        return read, window.high
    *whole, last = dict.fromkeys(one.submission for one in read)
    if whole:
        return [one for one in read if one.submission != last], whole[-1]
    only = window._replace(low=last, high=last)
    return await list_sent(connection, queues, only, _NO_LIMIT, _NO_LIMIT), last


def _make_block(sent: Sequence[Sent], kept: Sequence[Sent], after: Position, *, is_last: bool) -> Block:
    reached = max((Position(one.submission, one.members[-1]) for one in sent), default=after)
    return Block(kept, _count(sent), reached, is_last)


def _count(sent: Sequence[Sent]) -> int:
    return sum(len(one.members) for one in sent)


def _unite(read: Sequence[Sent], after: Position) -> list[Sent]:
    """One for each submission and queue: a message that was queued again for want of an answer stands there twice."""
    found: dict[tuple[int, int], Sent] = {}
    for one in read:
        members = {index for index in one.members if (one.submission, index) > after}
        key = (one.submission, one.queue)
        if key in found:
            members.update(found[key].members)
        if members:
            found[key] = one._replace(members=sorted(members))
    return [found[key] for key in sorted(found)]


def _keep(sent: Sequence[Sent], matching: Collection[tuple[int, int]]) -> list[Sent]:
    kept = (one._replace(members=[i for i in one.members if (one.submission, i) in matching]) for one in sent)
    return [one for one in kept if one.members]


async def _keep_event(connection: Connection, sent: Sequence[Sent], wanted: Filter) -> Sequence[Sent]:
    if wanted.event_code is None:
        return sent
    return _keep(sent, await list_of_event(connection, sent, wanted.event_code))


async def _keep_version(connection: Connection, sent: Sequence[Sent], wanted: Filter) -> Sequence[Sent]:
    """No index tells the version: the messages themselves do."""
    if wanted.version is None:
        return sent
    return _keep(sent, await _find_matching(connection, sent, Filter(None, None, wanted.version)))


async def _find_matching(connection: Connection, sent: Sequence[Sent], wanted: Filter) -> set[tuple[int, int]]:
    """Read from the messages, some chunks at a time."""
    places: dict[ChunkKey, set[int]] = {}
    for one in sent:
        for index in one.members:
            number, place = divmod(index, MESSAGES_IN_A_CHUNK)
            places.setdefault(ChunkKey(one.submission, number, one.accepted_on), set()).add(place)
    found: set[tuple[int, int]] = set()
    keys = list(places)
    for first in range(0, len(keys), _CHUNKS_READ):
        some = {(key.submission, key.number): places[key] for key in keys[first : first + _CHUNKS_READ]}
        read = await list_addressed_chunks(connection, keys[first : first + _CHUNKS_READ])
        for submission, number, content, _ in read:
            raws, start = unpack_chunk(content), number * MESSAGES_IN_A_CHUNK
            found |= {(submission, start + p) for p in some[submission, number] if _matches(raws[p], wanted)}
            await asyncio.sleep(0)
    return found


def _matches(raw: bytes, wanted: Filter) -> bool:
    header = Header(raw)
    return (
        wanted.event_code in (None, header.event_code)
        and wanted.mpan in (None, header.mpan)
        and wanted.version in (None, header.schema_version)
    )
