"""Where publications and status messages are to be delivered: set and taken away by the recipient (E2E 4.6, 4.8)."""

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from opendip.api.answers import answer_done
from opendip.api.bodies import ReadBody
from opendip.api.calls import Refused, check_version, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.api.messages import get_channel
from opendip.domain.market import STATUS_WEBHOOK, Market, Participant, Webhook
from opendip.domain.outcomes import (
    PROVIDER_INVALID,
    ROLE_INVALID,
    SCHEMA_FAILURE,
    Refusal,
    Status,
)
from opendip.domain.webhook_addresses import find_url_fault
from opendip.stages.accept import Caller
from opendip.store.queues import wake_queues
from opendip.store.webhooks import delete_webhook, set_webhook

BYTES_IN_A_KILOBYTE = 1000


class _WebhookConfig(msgspec.Struct):
    """E2E 4.6.2; sizes are in kB. Numbers may be written with a zero fraction, as the API has them as numbers."""

    callbackURL: str
    maxMessageCount: float | UnsetType | None = UNSET
    maxPayloadSize: float | UnsetType | None = UNSET


_decode = msgspec.json.Decoder(_WebhookConfig).decode


async def set_message_webhook(request: Request, context: ApiContext) -> Response:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        channel = get_channel(request, context, caller).id
        recipient = _get_recipient(request, context, caller, channel)
        await _set(context, recipient, channel, body, caller)
    return answer_done(context.rules.accept, caller.dip_id)


async def delete_message_webhook(request: Request, context: ApiContext) -> Response:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller):
        channel = get_channel(request, context, caller).id
        await _delete(context, _get_recipient(request, context, caller, channel), channel)
    return Response(status_code=204)


async def set_status_webhook(request: Request, context: ApiContext) -> Response:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        recipient = _get_recipient(request, context, caller, None)
        await _set(context, recipient, STATUS_WEBHOOK, body, caller)
    return answer_done(context.rules.accept, caller.dip_id)


async def delete_status_webhook(request: Request, context: ApiContext) -> Response:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller):
        await _delete(context, _get_recipient(request, context, caller, None), STATUS_WEBHOOK)
    return Response(status_code=204)


def _get_recipient(request: Request, context: ApiContext, caller: Caller, channel: str | None) -> str:
    """The DIP id of the path, if the caller may receive for it; raises Refused, alike for unknown and others'."""
    dip_id: str = request.path_params["recipient_id"]
    market, day = context.get_market(), get_now().date()
    participant = market.participants.get(dip_id)
    roles = {r for r in participant.roles if participant.has_role(r, day)} if participant else set()
    if participant is None or not _may_receive_for(market, caller, participant, roles):
        text = "You do not receive messages for this recipient id: it is not yours, nor has it nominated you."
        raise Refused(Refusal(Status.FORBIDDEN, PROVIDER_INVALID, text), caller.dip_id)
    if channel is not None and not roles & context.receivers[channel]:
        wanted = ", ".join(sorted(context.receivers[channel])) or "nobody"
        text = f"The recipient holds no role that {channel} goes to: {wanted}."
        raise Refused(Refusal(Status.FORBIDDEN, ROLE_INVALID, text), caller.dip_id)
    return dip_id


def _may_receive_for(market: Market, caller: Caller, participant: Participant, roles: set[str]) -> bool:
    if participant.dip_id == caller.dip_id:
        return True
    day = get_now().date()
    return any(market.is_nominated(caller.dip_id, participant.dip_id, role, day) for role in roles)


async def _set(context: ApiContext, recipient: str, channel: str, body: ReadBody, caller: Caller) -> None:
    webhook = _read_webhook(recipient, channel, body, context, caller)
    async with context.pool.acquire() as connection, connection.transaction():
        await set_webhook(connection, webhook, get_now())
        await wake_queues(connection, recipient, channel)


async def _delete(context: ApiContext, recipient: str, channel: str) -> None:
    async with context.pool.acquire() as connection:
        await delete_webhook(connection, recipient, channel)


def _read_webhook(recipient: str, channel: str, body: ReadBody, context: ApiContext, caller: Caller) -> Webhook:
    try:
        config = _decode(body.data)
        count = _read_limit(config.maxMessageCount, "maxMessageCount", context.rules.accept.max_messages)
        kilobytes = _read_limit(config.maxPayloadSize, "maxPayloadSize", 10_000_000)
        fault = find_url_fault(config.callbackURL, allow_private=context.rules.allows_private_webhooks)
        if fault is not None:
            raise msgspec.ValidationError(f"callbackURL cannot be used: {fault}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"The webhook was left as it was. {error}"
        raise Refused(Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text), caller.dip_id) from error
    size = None if kilobytes is None else kilobytes * BYTES_IN_A_KILOBYTE
    return Webhook(recipient, channel, config.callbackURL, count, size)


def _read_limit(value: float | UnsetType | None, name: str, most: int) -> int | None:
    if value is UNSET or value is None:
        return None
    assert isinstance(value, float)
    if not value.is_integer() or not 1 <= value <= most:
        raise msgspec.ValidationError(f"{name} must be a whole number from 1 to {most}")
    return int(value)
