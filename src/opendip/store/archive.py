"""Published messages, ready to be delivered: from memory while they are fresh, else from the archive.

Routing leaves here what it has just encoded, so that all recipients of a chunk share one decompression and one
encoding. What has been pushed out is made again from its chunk and its addresses.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import msgspec
import zstandard

from opendip.domain.publications import Header, Publisher, Sender, Wrapper, make_publisher
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, is_large, unpack_chunk
from opendip.store.pool import Connection
from opendip.store.shelves import Shelf
from opendip.store.submissions import ChunkKey, Submitted, list_first_chunks, list_submissions

_ADDRESSING_LEVEL = 3
_READ_AGAIN = 8
"""What is read again has the eighth part of the memory."""
_READ_AT_ONCE = 16
"""Chunks; one is about 100 kB compressed, and ten times that when it is read."""
_READ_BYTES = 16 * 2**20

Publishers: TypeAlias = Mapping[tuple[int, int | None], Publisher]
"""By submission and replay."""


class ChunkAddressing(msgspec.Struct, array_like=True):
    """The A0 blocks of a chunk: the different ones, and which of them each message has (-1: it was not routed).

    So too its senders, each with its role. They are missing from chunks that were routed before they were kept.
    """

    blocks: list[bytes]
    of: list[int]
    senders: list[tuple[str, str]] = []
    sent_by: list[int] = []

    def pack(self) -> bytes:
        return zstandard.ZstdCompressor(level=_ADDRESSING_LEVEL).compress(msgspec.msgpack.encode(self))

    @classmethod
    def unpack(cls, content: bytes) -> "ChunkAddressing":
        return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(content), type=cls)


@dataclass(frozen=True, slots=True)
class Published:
    """One message as it is delivered, and of its sender what a status message needs."""

    data: bytes
    sender: Sender
    correlation_id: str | None
    """Of the workflow: the one the DIP created for this message, or the one its sender copied."""


class PublishedChunk(Protocol):
    """The messages of a chunk by their place in it; None where a message was refused or not routed."""

    def __getitem__(self, place: int, /) -> Published | None: ...


ChunkName = tuple[int, int, int | None]
"""A published chunk: its submission, its number, and the number of the replay it is published for, if it is."""


class PublishedKey(NamedTuple):
    """A chunk to be published: under the first transaction ids, or under those of a replay."""

    chunk: ChunkKey
    replay: int | None

    @property
    def name(self) -> ChunkName:
        return self.chunk.submission, self.chunk.number, self.replay


def publish_chunk(
    publisher: Publisher, first: int, headers: Sequence[Header | None], addressing: ChunkAddressing
) -> Sequence[Published | None]:
    """Encodes the routed messages of a chunk. `first` is the index of its first message."""
    return [
        None if header is None or which < 0 else _publish(publisher, header, addressing.blocks[which], first + place)
        for place, (header, which) in enumerate(zip(headers, addressing.of, strict=True))
    ]


class ReadChunk:
    """A chunk read again. A message is encoded when it is asked for: a recipient may want few of a chunk."""

    def __init__(self, publisher: Publisher, first: int, messages: list[bytes], addressing: ChunkAddressing) -> None:
        self._publisher = publisher
        self._first = first
        self._messages: list[bytes | Published] = [*messages]
        self._addressing = addressing

    def __getitem__(self, place: int) -> Published | None:
        which = self._addressing.of[place]
        if which < 0:
            return None
        message = self._messages[place]
        if isinstance(message, bytes):
            block = self._addressing.blocks[which]
            message = _publish(self._publisher, Header(message), block, self._first + place)
            self._messages[place] = message
        return message


class Archive:
    """Finds published messages; holds at most `most_bytes` of them in memory.

    What is read again has a part of that memory for itself: one recipient's backlog does not push out what was just
    routed to the others.
    """

    def __init__(self, most_bytes: int, wrap: Callable[[Submitted], Wrapper]) -> None:
        self._fresh: Shelf[PublishedChunk] = Shelf(most_bytes - most_bytes // _READ_AGAIN)
        self._read_again: Shelf[PublishedChunk] = Shelf(most_bytes // _READ_AGAIN)
        self._wrap = wrap
        self._unpacking = asyncio.Lock()
        """One at a time: a chunk of a few bytes can hold a whole call's spaces."""

    def wrap(self, submitted: Submitted) -> Wrapper:
        return self._wrap(submitted)

    def keep(self, submission: int, number: int, chunk: Sequence[Published | None]) -> None:
        """What routing has just encoded."""
        size = sum(len(message.data) for message in chunk if message is not None)
        self._fresh.put((submission, number, None), chunk, size)

    def clear(self) -> None:
        self._fresh.clear()
        self._read_again.clear()

    async def find_messages(
        self, connection: Connection, wanted: Mapping[PublishedKey, Sequence[int]], most_bytes: int
    ) -> Mapping[ChunkName, Mapping[int, Published | None]]:
        """The messages at these places of these chunks, in their order: at least the first, and about so many bytes.

        A sender's messages can be as large as they like: what no batch has room for is not read.
        """
        found: dict[ChunkName, dict[int, Published | None]] = {}
        size = 0
        async for key, chunk in self._find_chunks(connection, list(wanted)):
            places = found[key.name] = {}
            for place in wanted[key]:
                places[place] = message = chunk[place]
                size += len(message.data) if message is not None else 0
                if size >= most_bytes:
                    return found
        return found

    async def _find_chunks(
        self, connection: Connection, keys: Sequence[PublishedKey]
    ) -> AsyncIterator[tuple[PublishedKey, PublishedChunk]]:
        """One after the other, from memory or read again; of those only one is held at a time."""
        publishers: Publishers = {}
        contents: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        for nth, key in enumerate(keys):
            chunk = self._fresh.find(key.name) or self._read_again.find(key.name)
            if chunk is None:
                publishers = publishers or await self._make_publishers(connection, keys)
                name = key.name[:2]
                if name not in contents:
                    contents = await self._read(connection, keys[nth : nth + _READ_AT_ONCE])
                chunk = await self._unpack(key, publishers, *contents[name])
            yield key, chunk

    async def _make_publishers(self, connection: Connection, keys: Iterable[PublishedKey]) -> Publishers:
        named = {(key.chunk.submission, key.replay): key.chunk.accepted_on for key in keys}
        submissions = await list_submissions(connection, {(number, day) for (number, _), day in named.items()})
        return {(number, replay): make_publisher(self._wrap(submissions[number]), replay) for number, replay in named}

    async def _read(
        self, connection: Connection, keys: Sequence[PublishedKey]
    ) -> dict[tuple[int, int], tuple[bytes, bytes]]:
        """Content and addressing of the first of these chunks that are not in memory."""
        missing = [key.chunk for key in keys if not (self._fresh.find(key.name) or self._read_again.find(key.name))]
        rows = await list_first_chunks(connection, list(dict.fromkeys(missing)), _READ_BYTES)
        return {(submission, number): (content, addressing) for submission, number, content, addressing in rows}

    async def _unpack(
        self, key: PublishedKey, publishers: Publishers, content: bytes, addressing: bytes
    ) -> PublishedChunk:
        submission, number, replay = key.name
        # Others have work of their own between two chunks, and during a large one.
        async with self._unpacking:
            messages = await asyncio.to_thread(unpack_chunk, content) if is_large(content) else unpack_chunk(content)
        await asyncio.sleep(0)
        first = number * MESSAGES_IN_A_CHUNK
        chunk = ReadChunk(publishers[submission, replay], first, messages, ChunkAddressing.unpack(addressing))
        self._read_again.put(key.name, chunk, sum(map(len, messages)))
        return chunk


def _publish(publisher: Publisher, header: Header, address_block: bytes, index: int) -> Published:
    correlation = publisher.find_created_correlation(header, index) or header.sender.senderCorrelationID
    return Published(publisher.publish(header, address_block, index), header.sender, correlation)
