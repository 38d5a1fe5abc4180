"""POST …/requeue and GET …/requeueStatus of a channel: what a recipient was sent, on its queue again (E2E 4.9)."""

import hashlib
from uuid import UUID, uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from opendip.api.answers import encode_done
from opendip.api.calls import Refused, check_version, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.api.messages import get_channel
from opendip.api.recipients import get_recipient, list_entitled_roles
from opendip.api.replays import prove_request, refuse_request
from opendip.domain.outcomes import PROCESSING_FAILED, Refusal, Status
from opendip.stages.accept import Caller
from opendip.stages.replay import answer_once, requeue_named, select, start_requeue
from opendip.store.pool import Connection
from opendip.store.requeue_jobs import GivenAnswer, find_job

_OK, _ACCEPTED, _NO_CONTENT = 200, 202, 204
_RETRY_SECONDS = 30


class RequeueStatus(msgspec.Struct):
    """How far a requeue in the background has come."""

    percentComplete: int  # noqa: N815
    totalTransactions: int  # noqa: N815
    processedTransactions: int  # noqa: N815
    status: str


async def requeue_messages(request: Request, context: ApiContext) -> Response:
    asked = await prove_request(request, context)
    roles = list_entitled_roles(context, asked.caller, asked.recipient)

    async def requeue(connection: Connection) -> GivenAnswer | Refusal:
        selection = await select(connection, asked.wanted, asked.recipient, roles, asked.channel, asked.at)
        if selection.times is None:
            count = await requeue_named(connection, selection, asked.recipient, asked.at)
            text = f"{count} of the messages named are on the queue again."
            return GivenAnswer(_OK, encode_done(context.rules.accept, asked.caller.dip_id, text))
        job = uuid4()
        if await start_requeue(connection, selection, asked.recipient, asked.caller.dip_id, job, asked.at):
            return GivenAnswer(_ACCEPTED, msgspec.json.encode({"requeueId": str(job)}))
        return refuse_requeue()

    digest = hashlib.sha256(asked.caller.signature.signature.encode()).digest()
    return answer_requeue(await answer_once(context.pool, digest, asked.at, requeue), asked.caller)


def refuse_requeue() -> Refusal:
    text = "A requeue for this recipient and channel is under way. Ask requeueStatus, and come again when it is done."
    return Refusal(Status.TOO_MANY, PROCESSING_FAILED, text, retry_after_seconds=_RETRY_SECONDS)


def answer_requeue(given: GivenAnswer | Refusal, caller: Caller) -> Response:
    if isinstance(given, Refusal):
        raise Refused(given, caller.dip_id)
    return Response(given.answer, given.status, media_type="application/json")


async def tell_requeue_status(request: Request, context: ApiContext) -> Response:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller):
        channel = get_channel(request, context, caller).id
        recipient = get_recipient(request, context, caller, channel)
    return await answer_requeue_status(request, context, caller, recipient, channel)


async def answer_requeue_status(
    request: Request, context: ApiContext, caller: Caller, recipient: str, channel: str
) -> Response:
    """Of the job whose id is in the query, or of the latest; 204 when there is none."""
    text = request.query_params.get("requeue-id")
    try:
        job = None if text is None else UUID(text)
    except ValueError as error:
        raise refuse_request("requeue-id must be the id that a requeue was answered with.", caller) from error
    async with context.pool.acquire() as connection:
        progress = await find_job(connection, recipient, channel, job)
    if progress is None:
        return Response(status_code=_NO_CONTENT)
    is_done = progress.status == "Completed"
    percent = 100 if is_done else min(99, 100 * progress.processed // max(progress.total, 1))
    status = RequeueStatus(percent, progress.total, progress.processed, progress.status)
    return Response(msgspec.json.encode(status), _OK, media_type="application/json")
