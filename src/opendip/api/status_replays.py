"""POST …/statusmessage/replay and /requeue, GET …/requeueStatus: what a sender was told, again (FS 5.5.11)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from opendip.api.calls import check_version, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.api.recipients import check_all_roles, get_recipient
from opendip.api.replays import CONTINUATION, check_text, hold_slot, read_continuation, refuse_request
from opendip.api.requeues import answer_requeue, answer_requeue_status, refuse_requeue
from opendip.api.streaming import PiecewiseResponse
from opendip.domain.market import STATUS_WEBHOOK
from opendip.domain.outcomes import Refusal
from opendip.domain.replays import Position, UnusableRequest, digest_request, make_token
from opendip.domain.status_requests import WantedStatuses, read_status_request
from opendip.stages.accept import Caller
from opendip.stages.replay import answer_once
from opendip.stages.replay.statuses import choose_statuses, encode_statuses, start_status_requeue
from opendip.store.pool import Connection
from opendip.store.requeue_jobs import GivenAnswer

_OK, _ACCEPTED, _PARTIAL = 200, 202, 206


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call for what a sender was told, proved and entitled."""

    caller: Caller
    recipient: str
    wanted: WantedStatuses
    at: datetime


async def replay_statuses(request: Request, context: ApiContext) -> Response:
    asked = await _prove_request(request, context)
    digest = digest_request(STATUS_WEBHOOK, asked.recipient, asked.wanted)
    after = read_continuation(request, digest, asked.caller).submission
    async with hold_slot(context, asked.caller) as slot:
        async with context.pool.acquire() as connection:
            page = await choose_statuses(connection, asked.recipient, asked.wanted, after, context.replays.limits)
        headers = {} if page.reached is None else {CONTINUATION: str(make_token(Position(page.reached, 0), digest))}
        slot.is_handed_on = True
        return PiecewiseResponse(encode_statuses(page), _PARTIAL if headers else _OK, headers, slot.give_back)


async def requeue_statuses(request: Request, context: ApiContext) -> Response:
    asked = await _prove_request(request, context)

    async def requeue(connection: Connection) -> GivenAnswer | Refusal:
        job = uuid4()
        place = (asked.recipient, asked.caller.dip_id, job, asked.at)
        if await start_status_requeue(connection, asked.wanted, *place):
            return GivenAnswer(_ACCEPTED, msgspec.json.encode({"requeueId": str(job)}))
        return refuse_requeue()

    digest = hashlib.sha256(asked.caller.signature.signature.encode()).digest()
    return answer_requeue(await answer_once(context.pool, digest, asked.at, requeue), asked.caller)


async def tell_status_requeue(request: Request, context: ApiContext) -> Response:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller):
        recipient = get_recipient(request, context, caller, None)
    return await answer_requeue_status(request, context, caller, recipient, STATUS_WEBHOOK)


async def _prove_request(request: Request, context: ApiContext) -> _Asked:
    now = get_now()
    caller = prove(request, context, now)
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        recipient = get_recipient(request, context, caller, None)
        check_all_roles(context, caller, recipient)
        check_text(body.data, caller)
        try:
            wanted = read_status_request(body.data)
        except UnusableRequest as unusable:
            raise refuse_request(str(unusable), caller) from unusable
    return _Asked(caller, recipient, wanted, now)
