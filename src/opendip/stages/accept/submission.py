"""Accepting a call: every check, then everything kept in one transaction, then the answer (E2E 4.4.3).

The answer is a promise. It is given only after the commit, and the same signed call sent again gets it again.
"""

from collections.abc import Sequence

import asyncpg
import msgspec

from opendip.domain.batches import split_messages
from opendip.domain.market import Market
from opendip.domain.outcomes import Acceptance, Refusal, Status
from opendip.stages.accept.answer import AcceptRules, make_answer
from opendip.stages.accept.channels import AcceptingChannel
from opendip.stages.accept.checks import Checks
from opendip.stages.accept.messages import DUPLICATE, CheckedMessages, check_messages
from opendip.store.pool import Connection, Pool
from opendip.store.signed_calls import (
    AnsweredMeanwhile,
    GivenAnswer,
    SignedCall,
    begin_call,
    keep_call,
    pack_body,
)
from opendip.store.submissions import Claim, MessageRow, NewCall, claim_references, keep_messages

_TRIES = 3


async def accept(
    pool: Pool, call: SignedCall, channel: AcceptingChannel, market: Market, rules: AcceptRules
) -> Acceptance | Refusal:
    """Checks a call and keeps it. Raises what asyncpg does when the database is away: then it may be sent again."""
    for _ in range(_TRIES):
        new = await begin_call(pool, call)
        if new.answer is not None:
            return _repeat(new)
        raws = split_messages(call.body, rules.max_messages)
        if isinstance(raws, Refusal):
            return raws
        checks = Checks(channel, call.caller_dip_id, market, call.received_at.date(), new.submission)
        checked = await check_messages(raws, channel, checks, rules.environment)
        if isinstance(checked, Refusal):
            return checked
        chunks = await pack_body(call.body, raws)
        try:
            return await _keep(pool, call, channel.id, new.submission, checked, chunks, rules)
        except (AnsweredMeanwhile, asyncpg.DeadlockDetectedError):
            continue
    raise asyncpg.DeadlockDetectedError("the call met others claiming the same references, and lost every time")


def _repeat(new: NewCall) -> Acceptance:
    """E2E 4.4: a lost answer is given again, byte for byte, and nothing is created."""
    assert new.answer is not None and new.status is not None
    return Acceptance(Status(new.status), new.answer)


async def _keep(
    pool: Pool,
    call: SignedCall,
    channel: str,
    submission: int,
    checked: CheckedMessages,
    chunks: Sequence[bytes],
    rules: AcceptRules,
) -> Acceptance:
    """All of it in one transaction: what must be true together commits together."""
    async with pool.acquire() as connection, connection.transaction():
        await _refuse_duplicates(connection, submission, checked)
        await keep_messages(connection, submission, call.received_at.date(), _list_rows(checked))
        refused, count = checked.refused_indexes, len(checked.messages)
        status = Status.SOME_CREATED if refused else Status.CREATED
        answer = msgspec.json.encode(make_answer(checked, submission, rules, call.received_at))
        given = GivenAnswer(status.value, answer, count, refused)
        await keep_call(connection, call, submission, channel, chunks, given, count - len(refused))
    return Acceptance(status, answer)


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
