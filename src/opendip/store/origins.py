"""Who sent a message and under which reference, read from the archive: what is said of one that does not arrive."""

import asyncio
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import msgspec
import structlog
import zstandard

from opendip.domain.publications import Header, Publisher, Sender, Wrapper, name_transaction
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.pool import Connection
from opendip.store.submissions import ChunkKey, Submitted, list_addressed_chunks, list_submissions

_CHUNKS_AT_ONCE = 16
_UNREADABLE = (zstandard.ZstdError, struct.error, msgspec.MsgspecError, LookupError, ValueError)

log = structlog.get_logger()


class MessageKey(NamedTuple):
    """Names a message on the node that holds it."""

    submission: int
    message_index: int
    accepted_on: date


class Origin(NamedTuple):
    """Where a message comes from, and its first ids."""

    sender: Sender
    transaction_id: str
    correlation_id: str | None
    """Of the workflow: the one the DIP created for this message, or the one its sender copied."""


async def find_origins(
    connection: Connection, keys: Iterable[MessageKey], wrap: Callable[[Submitted], Wrapper]
) -> dict[tuple[int, int], Origin]:
    """By submission and index. One that cannot be read is not among them; it is told to the log.

    A few chunks are in memory at a time, and nothing is pushed out of what is kept for deliveries.
    """
    wanted: dict[ChunkKey, list[int]] = defaultdict(list)
    for submission, index, day in keys:
        wanted[ChunkKey(submission, index // MESSAGES_IN_A_CHUNK, day)].append(index)
    submissions = await list_submissions(connection, {(c.submission, c.accepted_on) for c in wanted})
    indexes = {(c.submission, c.number): found for c, found in wanted.items()}
    origins: dict[tuple[int, int], Origin] = {}
    chunks = list(wanted)
    for first in range(0, len(chunks), _CHUNKS_AT_ONCE):
        for submission, number, content, _ in await list_addressed_chunks(
            connection, chunks[first : first + _CHUNKS_AT_ONCE]
        ):
            try:
                publisher = Publisher(wrap(submissions[submission]))
                for index, origin in _read_origins(publisher, content, indexes[submission, number]):
                    origins[submission, index] = origin
            except _UNREADABLE as error:
                log.error("chunk_not_read", submission=submission, chunk=number, error=type(error).__name__)
            await asyncio.sleep(0)
    return origins


def _read_origins(publisher: Publisher, content: bytes, indexes: Sequence[int]) -> Iterator[tuple[int, Origin]]:
    messages = unpack_chunk(content)
    for index in indexes:
        header = Header(messages[index % MESSAGES_IN_A_CHUNK])
        correlation = publisher.find_created_correlation(header, index) or header.sender.senderCorrelationID
        yield index, Origin(header.sender, name_transaction(publisher.wrapper, header.sender, index), correlation)
