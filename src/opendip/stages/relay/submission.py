"""Relaying a call's status messages: every check, then evidence, answer and queues in one transaction (E2E 4.7).

The answer is a promise, as it is for messages: what is MSG0000 in it reaches the queue of its recipient for certain.
"""

from collections.abc import Mapping, Sequence

import asyncpg

from opendip.domain.batches import split_messages
from opendip.domain.market import STATUS_WEBHOOK, Market
from opendip.domain.outcomes import Acceptance, Refusal, Status
from opendip.stages.relay.checks import SenderChecks
from opendip.stages.relay.rules import RelayRules
from opendip.stages.relay.schema import StatusSchema
from opendip.stages.relay.statuses import check_statuses, decode_statuses, encode_answer, encode_statuses
from opendip.store.pool import Connection, Pool
from opendip.store.queues import QueueName, append_entries, list_queues
from opendip.store.signed_calls import AnsweredMeanwhile, GivenAnswer, SignedCall, begin_call, keep_call, pack_body

_TRIES = 3


async def relay(
    pool: Pool, call: SignedCall, schema: StatusSchema, market: Market, rules: RelayRules
) -> Acceptance | Refusal:
    """Checks a call and keeps it. Raises what asyncpg does when the database is away: then it may be sent again."""
    for _ in range(_TRIES):
        new = await begin_call(pool, call)
        if new.answer is not None and new.status is not None:
            return Acceptance(Status(new.status), new.answer)
        raws = split_messages(call.body, rules.max_messages)
        if isinstance(raws, Refusal):
            return raws
        statuses = await decode_statuses(raws, schema)
        if isinstance(statuses, Refusal):
            return statuses
        checks = SenderChecks(call.caller_dip_id, market, call.received_at.date())
        checked = await check_statuses(pool, statuses, checks)
        refused = [index for index, one in enumerate(checked) if one.fault is not None]
        status = Status.SOME_CREATED if refused else Status.CREATED
        answer = await encode_answer(checked, rules, call.received_at)
        given = GivenAnswer(status.value, answer, len(checked), refused)
        chunks = await pack_body(call.body, raws)
        relayed = await encode_statuses(checked, rules)
        try:
            await _keep(pool, call, new.submission, chunks, given, relayed)
        except (AnsweredMeanwhile, asyncpg.DeadlockDetectedError):
            continue
        return Acceptance(status, answer)
    raise asyncpg.DeadlockDetectedError("the call met others on its way to the same queues, and lost every time")


async def _keep(
    pool: Pool,
    call: SignedCall,
    submission: int,
    chunks: Sequence[bytes],
    given: GivenAnswer,
    relayed: Mapping[str, Sequence[bytes]],
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await keep_call(connection, call, submission, STATUS_WEBHOOK, chunks, given, to_route=0)
        if relayed:
            await _queue(connection, call, relayed)


async def _queue(connection: Connection, call: SignedCall, relayed: Mapping[str, Sequence[bytes]]) -> None:
    names = {dip_id: QueueName(dip_id, "", STATUS_WEBHOOK) for dip_id in relayed}
    queues = await list_queues(connection, names.values())
    # The tails come last: whoever else appends waits for them only until the commit.
    by_queue = {queues[names[dip_id]]: entries for dip_id, entries in relayed.items()}
    await append_entries(connection, [], by_queue, call.received_at)
