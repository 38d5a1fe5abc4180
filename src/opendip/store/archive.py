"""Published messages, ready to be delivered: from memory while they are fresh, else from the archive.

Routing leaves here what it has just encoded, so that all recipients of a chunk share one decompression and one
encoding. What has been pushed out is made again from its chunk and its addresses.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec
import zstandard

from opendip.domain.publications import Header, Publisher, Sender, Wrapper, make_publisher
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.pool import Connection
from opendip.store.submissions import ChunkKey, Submitted, list_addressed_chunks, list_submissions

_ADDRESSING_LEVEL = 3


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
    """Finds published messages; holds at most `most_bytes` of them in memory."""

    def __init__(self, most_bytes: int, wrap: Callable[[Submitted], Wrapper]) -> None:
        self._most_bytes = most_bytes
        self._wrap = wrap
        self._chunks: OrderedDict[ChunkName, _Kept] = OrderedDict()
        self._bytes = 0

    def wrap(self, submitted: Submitted) -> Wrapper:
        return self._wrap(submitted)

    def keep(self, submission: int, number: int, chunk: Sequence[Published | None]) -> None:
        """What routing has just encoded."""
        size = sum(len(message.data) for message in chunk if message is not None)
        self._keep((submission, number, None), _Kept(chunk, size))

    def _keep(self, name: ChunkName, kept: "_Kept") -> None:
        before = self._chunks.get(name)
        self._bytes += kept.size - (before.size if before else 0)
        self._chunks[name] = kept
        self._chunks.move_to_end(name)
        while self._bytes > self._most_bytes and len(self._chunks) > 1:
            self._bytes -= self._chunks.popitem(last=False)[1].size

    def clear(self) -> None:
        self._chunks.clear()
        self._bytes = 0

    async def find_chunks(
        self, connection: Connection, keys: Iterable[PublishedKey]
    ) -> Mapping[ChunkName, PublishedChunk]:
        """These chunks by name, from memory or read again."""
        found: dict[ChunkName, PublishedChunk] = {}
        missing: list[PublishedKey] = []
        for key in keys:
            kept = self._chunks.get(key.name)
            if kept is None:
                missing.append(key)
            else:
                found[key.name] = kept.chunk
        if missing:
            found |= await self._read(connection, missing)
        return found

    async def _read(self, connection: Connection, keys: Sequence[PublishedKey]) -> dict[ChunkName, PublishedChunk]:
        chunks = list(dict.fromkeys(key.chunk for key in keys))
        submissions = await list_submissions(connection, {(c.submission, c.accepted_on) for c in chunks})
        contents = {(s, n): rest for s, n, *rest in await list_addressed_chunks(connection, chunks)}
        publishers: dict[tuple[int, int | None], Publisher] = {}
        found: dict[ChunkName, PublishedChunk] = {}
        for key in keys:
            submission, number, replay = key.name
            if (submission, replay) not in publishers:
                publishers[submission, replay] = make_publisher(self._wrap(submissions[submission]), replay)
            content, addressing = contents[submission, number]
            publisher = publishers[submission, replay]
            messages = unpack_chunk(content)
            chunk = ReadChunk(publisher, number * MESSAGES_IN_A_CHUNK, messages, ChunkAddressing.unpack(addressing))
            self._keep(key.name, _Kept(chunk, sum(map(len, messages))))
            found[key.name] = chunk
            # Others have work of their own between two chunks.
            await asyncio.sleep(0)
        return found


class _Kept(NamedTuple):
    chunk: PublishedChunk
    size: int
    """About as many bytes as it holds."""


def _publish(publisher: Publisher, header: Header, address_block: bytes, index: int) -> Published:
    correlation = publisher.find_created_correlation(header, index) or header.sender.senderCorrelationID
    return Published(publisher.publish(header, address_block, index), header.sender, correlation)
