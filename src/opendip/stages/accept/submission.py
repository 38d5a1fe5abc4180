"""Accepting a call: every check, then everything kept in one transaction, then the answer (E2E 4.4.3).

The answer is a promise. It is given only after the commit, and the same signed call sent again gets it again.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec
import zstandard
from msgspec import Raw

from opendip.domain.market import Market
from opendip.domain.outcomes import HELP_LENGTH, SUCCESS, Refusal, ResponseEntry, StandardResponse, Status
from opendip.domain.references import format_correlation_prefix, format_index, format_timestamp
from opendip.stages.accept.caller import Caller
from opendip.stages.accept.channels import AcceptingChannel
from opendip.stages.accept.checks import Checks
from opendip.stages.accept.messages import (
    DUPLICATE,
    CheckedMessage,
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
class AcceptRules:
    """What the operator sets for accepting."""

    environment: str
    max_messages: int
    dip_id: str
    """The DIP's own id, the sender of every answer."""
    response_texts: Mapping[str, str]
    """Response code to its text, from the catalogue."""
    ticket_url: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The answer to a call of which at least the form was right: 201 or 207 with its body."""

    status: Status
    answer: bytes
    accepted: int
    refused: int


class _AnsweredMeanwhile(Exception):  # noqa: N818 - it says what happened
    """The very same call was accepted by another process while this one was at it."""


async def accept(
    pool: Pool,
    method: str,
    caller: Caller,
    channel: AcceptingChannel,
    body: bytes,
    market: Market,
    rules: AcceptRules,
    now: datetime,
) -> Acceptance | Refusal:
    """Checks a proved call and keeps it. Raises what asyncpg does when the database is away: nothing is kept then."""
    digest = hashlib.sha256(caller.signature.signature.encode()).digest()
    for _ in range(_TRIES):
        new = await _find_answer(pool, digest)
        if new.answer is not None:
            return _repeat(new)
        raws = split_messages(body, rules.max_messages)
        if isinstance(raws, Refusal):
            return raws
        checks = Checks(channel, caller.dip_id, market, now.date(), new.submission)
        checked = await check_messages(raws, channel, checks, rules.environment)
        if isinstance(checked, Refusal):
            return checked
        try:
            return await _keep(pool, method, caller, channel, body, raws, checked, rules, new.submission, digest, now)
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


async def _keep(
    pool: Pool,
    method: str,
    caller: Caller,
    channel: AcceptingChannel,
    body: bytes,
    raws: Sequence[Raw],
    checked: CheckedMessages,
    rules: AcceptRules,
    submission: int,
    digest: bytes,
    now: datetime,
) -> Acceptance:
    chunks = []
    for chunk in pack_chunks(body, find_spans(body, raws)):
        chunks.append(chunk)
        # Others are served between two chunks of a large call.
        await asyncio.sleep(0)
    async with pool.acquire() as connection, connection.transaction():
        await _refuse_duplicates(connection, submission, checked)
        refused = checked.refused_indexes
        accepted = len(raws) - len(refused)
        status = Status.SOME_CREATED if refused else Status.CREATED
        answer = msgspec.json.encode(_answer(checked, submission, rules, now))
        await keep_messages(connection, submission, now.date(), _list_rows(checked))
        kept = Submission(
            id=submission,
            accepted_at=now,
            channel=channel.id,
            caller_dip_id=caller.dip_id,
            message_count=len(raws),
            refused=refused,
            method=method,
            url=caller.signed_url,
            signature=base64.b64decode(caller.signature.signature),
            signature_date=caller.signature.date,
            content_hash=base64.b64decode(caller.signature.content_hash),
            signing_certificate=caller.signing_certificate,
            signature_digest=digest,
            status=status.value,
            answer=zstandard.ZstdCompressor(level=_ANSWER_LEVEL).compress(answer),
        )
        try:
            await keep_submission(connection, kept, chunks, accepted)
        except asyncpg.UniqueViolationError as error:
            raise _AnsweredMeanwhile from error
    return Acceptance(status, answer, accepted, len(refused))


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


def _answer(checked: CheckedMessages, submission: int, rules: AcceptRules, now: datetime) -> StandardResponse:
    at = format_timestamp(now)
    correlation = format_correlation_prefix(now.date(), submission)
    entries = [_answer_for(m, i, at, correlation, rules) for i, m in enumerate(checked.messages)]
    return StandardResponse(entries, at)


def _answer_for(message: CheckedMessage, index: int, at: str, correlation: str, rules: AcceptRules) -> ResponseEntry:
    fault = message.fault
    code = SUCCESS if fault is None else fault.code
    number = format_index(index)
    transaction = None if fault is not None else message.sender.transaction_prefix + number
    return ResponseEntry(
        transactionID=transaction,
        senderUniqueReference=message.reference,
        correlationID=correlation + number if message.creates_correlation and fault is None else None,
        sentTimestamp=at,
        senderID=rules.dip_id,
        recipientID=message.sender_dip_id,
        DIPConnectionProviderID=message.provider,
        message=f"{code} - {rules.response_texts[code]}",
        help=None if fault is None else fault.help[:HELP_LENGTH],
        serviceTicketURL=f"{rules.ticket_url}{transaction}" if rules.ticket_url and transaction else None,
    )
