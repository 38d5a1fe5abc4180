"""Signed calls: kept once with what proves them, and answered alike however often they are sent (E2E 4.4)."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import zstandard
from msgspec import Raw

from opendip.client.signing import SignatureHeaders
from opendip.store.chunks import find_spans, pack_chunks
from opendip.store.pool import Connection, Pool
from opendip.store.submissions import NewCall, Submission, find_answer, keep_submission

_ANSWER_LEVEL = 1


class AnsweredMeanwhile(Exception):  # noqa: N818 - it says what happened
    """The very same call was kept and answered by another process while this one was at it."""


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call whose caller and body are proved."""

    method: str
    url: str
    """The public URL that was signed."""
    caller_dip_id: str
    signature: SignatureHeaders
    signing_certificate: str
    """SHA-256 fingerprint, hexadecimal."""
    body: bytes
    received_at: datetime

    @property
    def signature_digest(self) -> bytes:
        """The same for the very same call, whenever it is sent."""
        return hashlib.sha256(self.signature.signature.encode()).digest()


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What is answered for the messages of a call; `refused`: the indexes of those that are not taken."""

    status: int
    body: bytes
    message_count: int
    refused: Sequence[int]


async def begin_call(pool: Pool, call: SignedCall) -> NewCall:
    """A number for a new submission, and the answer that this very call was given before, if it was."""
    async with pool.acquire() as connection:
        new = await find_answer(connection, call.signature_digest)
    answer = zstandard.ZstdDecompressor().decompress(new.answer) if new.answer is not None else None
    return new._replace(answer=answer)


async def pack_body(body: bytes, messages: Sequence[Raw]) -> list[bytes]:
    """The chunks of the body; others are served between two chunks of a large call."""
    chunks = []
    for chunk in pack_chunks(body, find_spans(body, messages)):
        chunks.append(chunk)
        await asyncio.sleep(0)
    return chunks


async def keep_call(
    connection: Connection,
    call: SignedCall,
    submission: int,
    channel: str,
    chunks: Sequence[bytes],
    answer: GivenAnswer,
    to_route: int,
) -> None:
    """The evidence and the answer; with messages to route, a place in the intake. Raises AnsweredMeanwhile."""
    kept = Submission(
        id=submission,
        accepted_at=call.received_at,
        channel=channel,
        caller_dip_id=call.caller_dip_id,
        message_count=answer.message_count,
        refused=answer.refused,
        method=call.method,
        url=call.url,
        signature=base64.b64decode(call.signature.signature),
        signature_date=call.signature.date,
        content_hash=base64.b64decode(call.signature.content_hash),
        signing_certificate=call.signing_certificate,
        signature_digest=call.signature_digest,
        status=answer.status,
        answer=zstandard.ZstdCompressor(level=_ANSWER_LEVEL).compress(answer.body),
    )
    try:
        await keep_submission(connection, kept, chunks, to_route)
    except asyncpg.UniqueViolationError as error:
        raise AnsweredMeanwhile from error
