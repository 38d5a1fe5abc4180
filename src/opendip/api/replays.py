"""POST …/replay of a channel: what a recipient was sent, in the answer (E2E 4.9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from opendip.api.calls import Refused, check_version, get_now, prove, prove_body
from opendip.api.context import ApiContext
from opendip.api.messages import get_channel
from opendip.api.recipients import get_recipient, list_entitled_roles
from opendip.api.streaming import PiecewiseResponse
from opendip.domain.outcomes import PROCESSING_FAILED, SCHEMA_FAILURE, Refusal, Status
from opendip.domain.replays import (
    START,
    Position,
    UnusableRequest,
    Wanted,
    digest_request,
    make_token,
    read_request,
    read_token,
)
from opendip.stages.accept import Caller
from opendip.stages.replay import ReplayChannel, choose_page, encode_page, select
from opendip.stages.replay.pages import Page
from opendip.store.pool import Connection
from opendip.store.requeue_jobs import take_replay_number

CONTINUATION = "X-Continuation-Token"
_OK, _PARTIAL = 200, 206
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A call for what a recipient was sent, proved and entitled."""

    caller: Caller
    channel: ReplayChannel
    recipient: str
    wanted: Wanted
    at: datetime


class _Started(NamedTuple):
    """A page that is chosen, and the number under which it goes."""

    page: Page
    replay: int


async def replay_messages(request: Request, context: ApiContext) -> Response:
    asked = await prove_request(request, context)
    digest = digest_request(asked.channel.id, asked.recipient, asked.wanted)
    after = read_continuation(request, digest, asked.caller)
    async with hold_slot(context, asked.caller) as slot:
        async with context.pool.acquire() as connection:
            started = await _start(connection, context, asked, after)
        page = started.page
        headers = {} if page.reached is None else {CONTINUATION: str(make_token(page.reached, digest))}
        pieces = encode_page(context.pool, page, started.replay, asked.channel)
        slot.is_handed_on = True
        return PiecewiseResponse(pieces, _PARTIAL if headers else _OK, headers, slot.give_back)


async def _start(connection: Connection, context: ApiContext, asked: Asked, after: Position) -> _Started:
    roles = list_entitled_roles(context, asked.caller, asked.recipient)
    selection = await select(connection, asked.wanted, asked.recipient, roles, asked.channel, asked.at)
    page = await choose_page(connection, selection, after, context.replays.limits)
    return _Started(page, await take_replay_number(connection))


async def prove_request(request: Request, context: ApiContext) -> Asked:
    now = get_now()
    caller = prove(request, context, now)
    check_version(request, context, caller)
    async with prove_body(request, context, caller) as body:
        channel = get_channel(request, context, caller).id
        recipient = get_recipient(request, context, caller, channel)
        check_text(body.data, caller)
        try:
            wanted = read_request(body.data)
        except UnusableRequest as unusable:
            raise refuse_request(str(unusable), caller) from unusable
    return Asked(caller, context.replays.channels[channel], recipient, wanted, now)


def read_continuation(request: Request, digest: int, caller: Caller) -> Position:
    text = request.headers.get(CONTINUATION)
    try:
        return START if text is None else read_token(text, digest)
    except UnusableRequest as unusable:
        raise refuse_request(str(unusable), caller) from unusable


def check_text(body: bytes, caller: Caller) -> None:
    """No identifier holds NUL, and no database takes it; JSON can write it in this way alone."""
    if b"\\u0000" in body:
        raise refuse_request("The request holds the character NUL, which is part of no value.", caller)


def refuse_request(text: str, caller: Caller) -> Refused:
    return Refused(Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text), caller.dip_id)


@dataclass(slots=True)
class Slot:
    """A replay's place among those under way."""

    context: ApiContext
    organisation: str
    is_handed_on: bool = False
    """To the response, which gives it back when it ends."""

    def give_back(self) -> None:
        self.context.replays.slots.give_back(self.organisation)


@asynccontextmanager
async def hold_slot(context: ApiContext, caller: Caller) -> AsyncIterator[Slot]:
    if not context.replays.slots.take(caller.organisation):
        text = "As many replays are under way as the DIP, or your organisation, may have. Come again when one is done."
        refusal = Refusal(Status.TOO_MANY, PROCESSING_FAILED, text, retry_after_seconds=_RETRY_SECONDS)
        raise Refused(refusal, caller.dip_id)
    slot = Slot(context, caller.organisation)
    try:
        yield slot
    finally:
        if not slot.is_handed_on:
            slot.give_back()
