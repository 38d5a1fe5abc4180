"""Published messages, ready to be delivered: from memory while they are fresh, else from the archive.

Routing leaves here what it has just encoded, so that all recipients of a chunk share one decompression and one
encoding. What has been pushed out is made again from its chunk and its addresses.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


PublishedChunk = Sequence[Published | None]
"""The messages of a chunk by their place in it; None where a message was refused or not routed."""

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
) -> PublishedChunk:
    """Encodes the routed messages of a chunk. `first` is the index of its first message."""
    return [
        None
        if header is None or which < 0
        else Published(
            publisher.publish(header, addressing.blocks[which], first + place),
            header.sender,
            publisher.find_created_correlation(header, first + place) or header.sender.senderCorrelationID,
        )
        for place, (header, which) in enumerate(zip(headers, addressing.of, strict=True))
    ]


class Archive:
    """Finds published messages; holds at most `most_bytes` of them in memory."""

    def __init__(self, most_bytes: int, wrap: Callable[[Submitted], Wrapper]) -> None:
        self._most_bytes = most_bytes
        self._wrap = wrap
        self._chunks: OrderedDict[ChunkName, PublishedChunk] = OrderedDict()
        self._bytes = 0

    def wrap(self, submitted: Submitted) -> Wrapper:
        return self._wrap(submitted)

    def keep(self, submission: int, number: int, chunk: PublishedChunk, replay: int | None = None) -> None:
        key = (submission, number, replay)
        if key not in self._chunks:
            self._bytes += _measure(chunk)
        self._chunks[key] = chunk
        self._chunks.move_to_end(key)
        while self._bytes > self._most_bytes and len(self._chunks) > 1:
            self._bytes -= _measure(self._chunks.popitem(last=False)[1])

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
            chunk = self._chunks.get(key.name)
            if chunk is None:
                missing.append(key)
            else:
                found[key.name] = chunk
        if missing:
            found |= await self._read(connection, missing)
        return found

    async def _read(self, connection: Connection, keys: Sequence[PublishedKey]) -> dict[ChunkName, PublishedChunk]:
        chunks = list(dict.fromkeys(key.chunk for key in keys))
        submissions = await list_submissions(connection, {(c.submission, c.accepted_on) for c in chunks})
        contents = {(s, n): rest for s, n, *rest in await list_addressed_chunks(connection, chunks)}
        publishers: dict[tuple[int, int | None], Publisher] = {}
        found = {}
        for key in keys:
            submission, number, replay = key.name
            if (submission, replay) not in publishers:
                publishers[submission, replay] = make_publisher(self._wrap(submissions[submission]), replay)
            content, addressing = contents[submission, number]
            publisher = publishers[submission, replay]
            chunk = read_chunk(publisher, number, content, ChunkAddressing.unpack(addressing))
            self.keep(submission, number, chunk, replay)
            found[key.name] = chunk
        return found


def read_chunk(publisher: Publisher, number: int, content: bytes, addressing: ChunkAddressing) -> PublishedChunk:
    headers = [
        None if which < 0 else Header(raw) for raw, which in zip(unpack_chunk(content), addressing.of, strict=True)
    ]
    return publish_chunk(publisher, number * MESSAGES_IN_A_CHUNK, headers, addressing)


def _measure(chunk: PublishedChunk) -> int:
    return sum(len(message.data) for message in chunk if message is not None)
