"""What all signed calls have in common: the caller proved, the body read and proved, every failure answered."""

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import structlog
from starlette.requests import Request
from starlette.responses import Response

from opendip.api.accepting import admits_json
from opendip.api.answers import answer_refusal
from opendip.api.bodies import ReadBody, read_body
from opendip.api.context import ApiContext
from opendip.domain.outcomes import PROCESSING_FAILED, Refusal, Status
from opendip.stages.accept import Caller, CallHeaders, prove_caller, prove_content
from opendip.store.signed_calls import SignedCall

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    OSError,
)
"""How it shows that the database is away (a TimeoutError is an OSError too). If it went in the midst of a commit, the
call may have been kept all the same: sent again unchanged, it is answered then as it would have been."""
_RETRY_SECONDS = 5

Handler = Callable[[Request, ApiContext], Awaitable[Response]]

log = structlog.get_logger()


class Refused(Exception):  # noqa: N818 - it says what happened, as all errors here do
    """Ends a handler with this refusal, to this DIP id if it is known."""

    def __init__(self, refusal: Refusal, recipient: str | None = None) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.recipient = recipient


def guard(handler: Handler, context: ApiContext) -> Callable[[Request], Awaitable[Response]]:
    """The handler as a route: what it cannot answer is answered with a proper status, and never with silence."""

    async def respond(request: Request) -> Response:
        try:
            _check_negotiation(request)
            return await handler(request, context)
        except Refused as refused:
            return answer_refusal(refused.refusal, context.rules.accept, refused.recipient)
        except AWAY as error:
            log.error("database_away", error=type(error).__name__)
            text = "The DIP's store is away just now. Send this call again, unchanged: it is kept once, however often."
            refusal = Refusal(Status.UNAVAILABLE, PROCESSING_FAILED, text, retry_after_seconds=_RETRY_SECONDS)
        except Exception as error:
            # The trace without the error's own text, which may quote personal data.
            log.error("call_failed", error=type(error).__name__, trace=traceback.format_tb(error.__traceback__))
            text = "The DIP failed on this call, and kept nothing of it. Send it again; if it persists, tell support."
            refusal = Refusal(Status.FAILED, PROCESSING_FAILED, text)
        return answer_refusal(refusal, context.rules.accept)

    return respond


def _check_negotiation(request: Request) -> None:
    if not admits_json(",".join(request.headers.getlist("accept")) or "*/*"):
        text = "Answers are application/json, which the header Accept leaves out."
        raise Refused(Refusal(Status.NOT_ACCEPTABLE, PROCESSING_FAILED, text))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        text = "Bodies are taken as they are, not compressed: send no Content-Encoding."
        raise Refused(Refusal(Status.BAD_REQUEST, PROCESSING_FAILED, text))


def prove(request: Request, context: ApiContext, now: datetime) -> Caller:
    """The caller, before the body is read; raises Refused."""
    query = f"?{request.url.query}" if request.url.query else ""
    target = request.scope["raw_path"].decode("ascii") + query
    headers = CallHeaders(request.method, target, request.headers, request.scope.get("tls_client_certificate"))
    rules = context.rules
    caller = prove_caller(headers, context.get_market(), context.get_trust(), rules.public_urls, rules.tolerance, now)
    if isinstance(caller, Refusal):
        raise Refused(caller)
    return caller


@asynccontextmanager
async def prove_body(request: Request, context: ApiContext, caller: Caller) -> AsyncIterator[ReadBody]:
    """The body, proved to be what the caller signed; raises Refused."""
    rules = context.rules
    reading = read_body(request, context.budget, caller.organisation, rules.max_body_bytes, rules.body_timeout)
    async with reading as body:
        if isinstance(body, Refusal):
            raise Refused(body, caller.dip_id)
        refusal = prove_content(caller, body.content_hash)
        if refusal is not None:
            raise Refused(refusal, caller.dip_id)
        yield body


def describe_call(request: Request, caller: Caller, body: ReadBody, now: datetime) -> SignedCall:
    """The call as it is kept: what was signed, and by whom."""
    proof = (caller.signature, caller.signing_certificate)
    return SignedCall(request.method, caller.signed_url, caller.dip_id, *proof, body.data, now)


def check_version(request: Request, context: ApiContext, caller: Caller) -> None:
    """`1.1`, the catalogue's own, also with a leading v."""
    version = request.path_params["version"]
    if version.removeprefix("v") not in context.versions:
        served = ", ".join(sorted(context.versions))
        text = f"The path's version is not served here. Served: {served}."
        raise Refused(Refusal(Status.NOT_FOUND, PROCESSING_FAILED, text), caller.dip_id)


def get_now() -> datetime:
    return datetime.now(UTC)
