"""Where publications and status messages are to be delivered, and how fast: said by the recipient (E2E 4.6, 4.8)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from opendip.api.answers import answer_done
from opendip.api.bodies import ReadBody
from opendip.api.calls import Refused, check_version, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.api.messages import get_channel
from opendip.api.recipients import get_recipient
from opendip.domain.market import STATUS_WEBHOOK, Webhook
from opendip.domain.outcomes import PROCESSING_FAILED, SCHEMA_FAILURE, Refusal, Status
from opendip.domain.references import format_timestamp
from opendip.domain.webhook_addresses import find_url_fault
from opendip.stages.accept import Caller
from opendip.store.webhooks import delete_webhook, pause_webhook, reopen_queues, set_webhook

BYTES_IN_A_KILOBYTE = 1000
MOST_KILOBYTES = 10_000_000
MOST_MESSAGES_A_SECOND = 1_000_000


_LARGEST_VALUE = 100_000
"""Bytes. No URL is so long that may be used, however it is written."""
_UNSAID, _NULL = Raw(), Raw(b"null")


class WebhookConfig(msgspec.Struct):
    """E2E 4.6.2; sizes are in kB. Numbers may be written with a zero fraction, as the API has them as numbers."""

    # Undecoded, for what each of them is to be is said in the caller's words, not in those of types.
    callbackURL: Raw = _UNSAID
    maxMessageCount: Raw = _UNSAID
    maxPayloadSize: Raw = _UNSAID
    maxMessageRate: Raw = _UNSAID
    """Ours, for FS 5.5 only says that recipients process at their own speed: messages a second."""


_decode = msgspec.json.Decoder(WebhookConfig).decode


class _Wish(NamedTuple):
    """A call about one webhook, proved and entitled: whose, for which channel, what else it says."""

    recipient: str
    channel: str
    body: ReadBody
    caller: Caller


async def set_message_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_message_wish(request, context) as wish:
        return await _set(wish, context)


async def delete_message_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_message_wish(request, context) as wish:
        return await _delete(wish, context)


async def pause_message_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_message_wish(request, context) as wish:
        return await _pause(wish, context)


async def resume_message_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_message_wish(request, context) as wish:
        return await _resume(wish, context)


async def set_status_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_status_wish(request, context) as wish:
        return await _set(wish, context)


async def delete_status_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_status_wish(request, context) as wish:
        return await _delete(wish, context)


async def pause_status_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_status_wish(request, context) as wish:
        return await _pause(wish, context)


async def resume_status_webhook(request: Request, context: ApiContext) -> Response:
    async with _prove_status_wish(request, context) as wish:
        return await _resume(wish, context)


@asynccontextmanager
async def _prove_message_wish(request: Request, context: ApiContext) -> AsyncIterator[_Wish]:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        channel = get_channel(request, context, caller).id
        yield _Wish(get_recipient(request, context, caller, channel), channel, body, caller)


@asynccontextmanager
async def _prove_status_wish(request: Request, context: ApiContext) -> AsyncIterator[_Wish]:
    caller = prove(request, context, get_now())
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        yield _Wish(get_recipient(request, context, caller, None), STATUS_WEBHOOK, body, caller)


async def _set(wish: _Wish, context: ApiContext) -> Response:
    webhook, now = _read_webhook(wish, context), get_now()
    async with context.pool.acquire() as connection, connection.transaction():
        paused_at = await set_webhook(connection, webhook, now)
        await reopen_queues(connection, wish.recipient, wish.channel, now)
    help_text = None
    if paused_at is not None:
        help_text = f"It is paused since {format_timestamp(paused_at)}, and stays so: POST …/resume lets messages go."
    return answer_done(context.rules.accept, wish.caller.dip_id, help_text)


async def _delete(wish: _Wish, context: ApiContext) -> Response:
    async with context.pool.acquire() as connection:
        await delete_webhook(connection, wish.recipient, wish.channel)
    return Response(status_code=204)


async def _pause(wish: _Wish, context: ApiContext) -> Response:
    async with context.pool.acquire() as connection:
        is_there = await pause_webhook(connection, wish.recipient, wish.channel, get_now())
    return _answer_pausing(wish, context, is_there)


async def _resume(wish: _Wish, context: ApiContext) -> Response:
    async with context.pool.acquire() as connection, connection.transaction():
        is_there = await pause_webhook(connection, wish.recipient, wish.channel, None)
        await reopen_queues(connection, wish.recipient, wish.channel, get_now())
    return _answer_pausing(wish, context, is_there)


def _answer_pausing(wish: _Wish, context: ApiContext, is_there: bool) -> Response:
    if is_there:
        return answer_done(context.rules.accept, wish.caller.dip_id)
    text = "The recipient has no webhook here, so there is nothing to pause or resume. What is queued for it waits."
    raise Refused(Refusal(Status.NOT_FOUND, PROCESSING_FAILED, text), wish.caller.dip_id)


def _read_webhook(wish: _Wish, context: ApiContext) -> Webhook:
    try:
        config = _decode(wish.body.data)
        count = read_limit(config.maxMessageCount, "maxMessageCount", context.rules.accept.max_messages)
        kilobytes = read_limit(config.maxPayloadSize, "maxPayloadSize", MOST_KILOBYTES)
        rate = read_limit(config.maxMessageRate, "maxMessageRate", MOST_MESSAGES_A_SECOND)
        url = _read_url(config.callbackURL)
        fault = find_url_fault(url, allow_private=context.rules.allows_private_webhooks)
        if fault is not None:
            raise msgspec.ValidationError(f"callbackURL cannot be used: {fault}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"The webhook was left as it was. {error}"
        raise Refused(Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text), wish.caller.dip_id) from error
    size = None if kilobytes is None else kilobytes * BYTES_IN_A_KILOBYTE
    return Webhook(wish.recipient, wish.channel, url, count, size, rate)


def _read_url(raw: Raw) -> str:
    value = _decode_value(raw)
    if not isinstance(value, str):
        raise msgspec.ValidationError("callbackURL must be there, the https:// URL to deliver to, as text")
    return value


def _decode_value(raw: Raw) -> Any:
    """None also for what is missing, and for what is too large to be meant."""
    return msgspec.json.decode(raw) if 0 < memoryview(raw).nbytes <= _LARGEST_VALUE else None


def read_limit(raw: Raw, name: str, most: int) -> int | None:
    """A whole number from 1 to `most`, None when nothing is said; raises `msgspec.ValidationError`."""
    if raw in (_UNSAID, _NULL):
        return None
    value = _decode_value(raw)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 1 <= value <= most or int(value) != value:
        raise msgspec.ValidationError(f"{name} must be a whole number from 1 to {most}")
    return int(value)
