"""Replays: as much as fits one answer is chosen first, then encoded and sent a chunk at a time (E2E 4.9)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opendip.domain.publications import Header, Republisher
from opendip.domain.replays import Position
from opendip.stages.replay.channels import ReplayChannel
from opendip.stages.replay.selection import Selection, read_block
from opendip.store.archive import ChunkAddressing
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.pool import Connection, Pool
from opendip.store.replays import Sent, measure_chunks
from opendip.store.submissions import ChunkKey, list_addressed_chunks, list_submissions

_MOST_BLOCKS = 200
_MOST_SEEN = 500_000
"""A filter that keeps next to nothing has its answer early, perhaps empty, and the request goes on from there."""
_CHUNKS_READ = 4
_ADDED_BYTES = 1_000
"""About what a message gains by its A0 and D0 blocks."""


@dataclass(frozen=True, slots=True)
class PageLimits:
    """The most that one answer holds, the bytes about so: they are told from the sizes of chunks, for the answer's
    beginning says whether there is more. A chunk whose messages are larger still goes, alone."""

    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Pick:
    """The messages of one chunk that are wanted, by their places in it."""

    key: ChunkKey
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, and where the next one goes on; None: that is all."""

    picks: Sequence[Pick]
    reached: Position | None

    @property
    def message_count(self) -> int:
        return sum(len(pick.places) for pick in self.picks)


async def choose_page(connection: Connection, selection: Selection, after: Position, limits: PageLimits) -> Page:
    picks: list[Pick] = []
    messages = size = seen = 0
    for _ in range(_MOST_BLOCKS):
        block = await read_block(connection, selection, after, limits.messages - messages)
        found = list(_list_picks(block.sent))
        sizes = await measure_chunks(connection, [pick.key for pick in found])
        for pick in found:
            room = limits.messages - messages
            weight = len(pick.places) * (sizes[pick.key.submission, pick.key.number] + _ADDED_BYTES)
            if not room or (picks and size + weight > limits.bytes):
                return Page(picks, _get_end(picks[-1]))
            if len(pick.places) > room:
                picks.append(Pick(pick.key, pick.places[:room]))
                return Page(picks, _get_end(picks[-1]))
            picks.append(pick)
            messages, size = messages + len(pick.places), size + weight
        if block.is_last:
            return Page(picks, None)
        after, seen = block.reached, seen + block.seen
        if messages == limits.messages or seen > _MOST_SEEN:
            break
    return Page(picks, after)


def _list_picks(sent: Sequence[Sent]) -> Iterator[Pick]:
    """Each message once, whichever of the recipient's queues it was put on, in the order of time."""
    places: dict[ChunkKey, set[int]] = defaultdict(set)
    for one in sent:
        for index in one.members:
            number, place = divmod(index, MESSAGES_IN_A_CHUNK)
            places[ChunkKey(one.submission, number, one.accepted_on)].add(place)
    return (Pick(key, sorted(places[key])) for key in sorted(places))


def _get_end(pick: Pick) -> Position:
    return Position(pick.key.submission, pick.key.number * MESSAGES_IN_A_CHUNK + pick.places[-1])


async def encode_page(pool: Pool, page: Page, replay: int, channel: ReplayChannel) -> AsyncIterator[bytes]:
    """The JSON array, piece by piece; a few chunks are held at a time. Never decodes a body: old schemas go as sent."""
    yield b"["
    separator = b""
    for first in range(0, len(page.picks), _CHUNKS_READ):
        picks = page.picks[first : first + _CHUNKS_READ]
        async with pool.acquire() as connection:
            chunks, publishers = await _read(connection, picks, replay, channel)
        for pick in picks:
            messages = _publish(publishers[pick.key.submission], pick, *chunks.pop(pick.key[:2]))
            yield separator + b",".join(messages)
            separator = b","
            await asyncio.sleep(0)
    yield b"]"


async def _read(
    connection: Connection, picks: Sequence[Pick], replay: int, channel: ReplayChannel
) -> tuple[dict[tuple[int, int], tuple[bytes, bytes]], Mapping[int, Republisher]]:
    keys = [pick.key for pick in picks]
    submissions = await list_submissions(connection, {(key.submission, key.accepted_on) for key in keys})
    read = await list_addressed_chunks(connection, keys)
    chunks = {(submission, number): (content, addressing) for submission, number, content, addressing in read}
    return chunks, {number: Republisher(channel.wrap(one), replay) for number, one in submissions.items()}


def _publish(publisher: Republisher, pick: Pick, content: bytes, packed: bytes) -> Iterator[bytes]:
    addressing, raws = ChunkAddressing.unpack(packed), unpack_chunk(content)
    start = pick.key.number * MESSAGES_IN_A_CHUNK
    for place in pick.places:
        yield publisher.publish(Header(raws[place]), addressing.blocks[addressing.of[place]], start + place)
