"""POST /{version}/dip-channel/{id}: messages are sent (E2E 4.4)."""

from starlette.requests import Request
from starlette.responses import Response

from opendip.api.answers import answer_acceptance
from opendip.api.calls import Refused, check_version, describe_call, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.domain.outcomes import INTERFACE_INVALID, Refusal, Status
from opendip.stages.accept import AcceptingChannel, Caller, accept


async def send_messages(request: Request, context: ApiContext) -> Response:
    now = get_now()
    caller = prove(request, context, now)
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        # E2E 4.4.3: the interface id, after the sender is established.
        channel = get_channel(request, context, caller)
        call = describe_call(request, caller, body, now)
        outcome = await accept(context.pool, call, channel, context.get_market(), context.rules.accept)
    if isinstance(outcome, Refusal):
        raise Refused(outcome, caller.dip_id)
    return answer_acceptance(outcome)


def get_channel(request: Request, context: ApiContext, caller: Caller) -> AcceptingChannel:
    channel = context.channels.get(request.path_params["id"])
    if channel is None:
        text = "No channel has this id. Ids are written as in the catalogue, such as IF-021 or REP-002A."
        raise Refused(Refusal(Status.NOT_FOUND, INTERFACE_INVALID, text), caller.dip_id)
    return channel
