"""Accepting a call: every check, then everything kept in one transaction, then the answer (E2E 4.4.3).

The answer is a promise. It is given only after the commit, and the same signed call sent again gets it again.
"""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec
import zstandard
from msgspec import Raw

from opendip.domain.market import Market
from opendip.domain.outcomes import Refusal, Status
from opendip.stages.accept.answer import AcceptRules, make_answer
from opendip.stages.accept.caller import Caller
from opendip.stages.accept.channels import AcceptingChannel
from opendip.stages.accept.checks import Checks
from opendip.stages.accept.messages import (
    DUPLICATE,
    CheckedMessages,
    check_messages,
    split_messages,
)
from opendip.store.chunks import find_spans, pack_chunks
from opendip.store.pool import Connection, Pool
from opendip.store.submissions import (
    Claim,
    MessageRow,
    NewCall,
    Submission,
    claim_references,
    find_answer,
    keep_messages,
    keep_submission,
)

_ANSWER_LEVEL = 1
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The answer to a call of which at least the form was right: 201 or 207 with its body."""

    status: Status
    answer: bytes
    accepted: int
    refused: int


class _AnsweredMeanwhile(Exception):  # noqa: N818 - it says what happened
    """The very same call was accepted by another process while this one was at it."""


@dataclass(frozen=True, slots=True)
class ProvedCall:
    """A call whose caller and body are proved, on a channel there is."""

    method: str
    caller: Caller
    channel: AcceptingChannel
    body: bytes
    received_at: datetime

    @property
    def signature_digest(self) -> bytes:
        """The same for the very same call, whenever it is sent."""
        return hashlib.sha256(self.caller.signature.signature.encode()).digest()


async def accept(pool: Pool, call: ProvedCall, market: Market, rules: AcceptRules) -> Acceptance | Refusal:
    """Checks a call and keeps it. Raises what asyncpg does when the database is away: then it may be sent again."""
    for _ in range(_TRIES):
        new = await _find_answer(pool, call.signature_digest)
        if new.answer is not None:
            return _repeat(new)
        raws = split_messages(call.body, rules.max_messages)
        if isinstance(raws, Refusal):
            return raws
        checks = Checks(call.channel, call.caller.dip_id, market, call.received_at.date(), new.submission)
        checked = await check_messages(raws, call.channel, checks, rules.environment)
        if isinstance(checked, Refusal):
            return checked
        chunks = await _pack(call.body, raws)
        try:
            return await _keep(pool, call, new.submission, checked, chunks, rules)
        except (_AnsweredMeanwhile, asyncpg.DeadlockDetectedError):
            continue
    raise asyncpg.DeadlockDetectedError("the call met others claiming the same references, and lost every time")


async def _find_answer(pool: Pool, digest: bytes) -> NewCall:
    async with pool.acquire() as connection:
        return await find_answer(connection, digest)


def _repeat(new: NewCall) -> Acceptance:
    """E2E 4.4: a lost answer is given again, byte for byte, and nothing is created."""
    assert new.answer is not None and new.status is not None
    return Acceptance(Status(new.status), zstandard.ZstdDecompressor().decompress(new.answer), 0, 0)


async def _pack(body: bytes, raws: Sequence[Raw]) -> list[bytes]:
    """The chunks of the body; others are served between two chunks of a large call."""
    chunks = []
    for chunk in pack_chunks(body, find_spans(body, raws)):
        chunks.append(chunk)
        await asyncio.sleep(0)
    return chunks


async def _keep(
    pool: Pool,
    call: ProvedCall,
    submission: int,
    checked: CheckedMessages,
    chunks: Sequence[bytes],
    rules: AcceptRules,
) -> Acceptance:
    """All of it in one transaction: what must be true together commits together."""
    async with pool.acquire() as connection, connection.transaction():
        await _refuse_duplicates(connection, submission, checked)
        await keep_messages(connection, submission, call.received_at.date(), _list_rows(checked))
        refused = checked.refused_indexes
        accepted = len(checked.messages) - len(refused)
        status = Status.SOME_CREATED if refused else Status.CREATED
        answer = msgspec.json.encode(make_answer(checked, submission, rules, call.received_at))
        try:
            await keep_submission(
                connection,
                _describe(call, submission, refused, len(checked.messages), status, answer),
                chunks,
                accepted,
            )
        except asyncpg.UniqueViolationError as error:
            raise _AnsweredMeanwhile from error
    return Acceptance(status, answer, accepted, len(refused))


def _describe(
    call: ProvedCall, submission: int, refused: Sequence[int], count: int, status: Status, answer: bytes
) -> Submission:
    signature = call.caller.signature
    return Submission(
        id=submission,
        accepted_at=call.received_at,
        channel=call.channel.id,
        caller_dip_id=call.caller.dip_id,
        message_count=count,
        refused=refused,
        method=call.method,
        url=call.caller.signed_url,
        signature=base64.b64decode(signature.signature),
        signature_date=signature.date,
        content_hash=base64.b64decode(signature.content_hash),
        signing_certificate=call.caller.signing_certificate,
        signature_digest=call.signature_digest,
        status=status.value,
        answer=zstandard.ZstdCompressor(level=_ANSWER_LEVEL).compress(answer),
    )


async def _refuse_duplicates(connection: Connection, submission: int, checked: CheckedMessages) -> None:
    """Claims every reference for ever, and refuses the messages whose reference was taken (MSG1006)."""
    claims = [Claim(i, m.reference_date, m.digest) for i, m in checked.accepted]
    if not claims:
        return
    free = await claim_references(connection, submission, claims)
    if len(free) == len(claims):
        return
    for index, message in checked.accepted:
        if index not in free:
            message.fault = DUPLICATE


def _list_rows(checked: CheckedMessages) -> list[MessageRow]:
    return [MessageRow(i, m.mpan, m.event_code, m.sender_dip_id, m.correlation_id) for i, m in checked.accepted]
