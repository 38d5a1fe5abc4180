"""POST /{version}/statusmessage: what a recipient found wrong with messages after it took them (E2E 4.7)."""

from starlette.requests import Request
from starlette.responses import Response

from opendip.api.answers import answer_acceptance
from opendip.api.calls import Refused, check_version, describe_call, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.domain.outcomes import Refusal
from opendip.stages.relay import RelayRules, relay


async def send_statuses(request: Request, context: ApiContext) -> Response:
    now = get_now()
    caller = prove(request, context, now)
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        call = describe_call(request, caller, body, now)
        outcome = await relay(context.pool, call, context.statuses, context.get_market(), _get_rules(context))
    if isinstance(outcome, Refusal):
        raise Refused(outcome, caller.dip_id)
    return answer_acceptance(outcome)


def _get_rules(context: ApiContext) -> RelayRules:
    rules = context.rules.accept
    return RelayRules(rules.max_messages, rules.dip_id, rules.response_texts, rules.ticket_url)
