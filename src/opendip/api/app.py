"""The routes of the participant API. Path names are case-sensitive (E2E 4.4.3)."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from opendip.api.answers import answer_refusal
from opendip.api.calls import Handler, guard
from opendip.api.context import ApiContext
from opendip.api.messages import send_messages
from opendip.api.replays import replay_messages
from opendip.api.requeues import requeue_messages, tell_requeue_status
from opendip.api.status_replays import replay_statuses, requeue_statuses, tell_status_requeue
from opendip.api.statuses import send_statuses
from opendip.api.webhooks import (
    delete_message_webhook,
    delete_status_webhook,
    pause_message_webhook,
    pause_status_webhook,
    resume_message_webhook,
    resume_status_webhook,
    set_message_webhook,
    set_status_webhook,
)
from opendip.domain.outcomes import PROCESSING_FAILED, Refusal, Status

PATHS: Mapping[str, Mapping[str, Handler]] = {
    "/{version}/dip-channel/{id}": {"POST": send_messages},
    "/{version}/dip-channel/{id}/pubconfig/{recipient_id}": {
        "POST": set_message_webhook,
        "DELETE": delete_message_webhook,
    },
    "/{version}/dip-channel/{id}/pubconfig/{recipient_id}/pause": {"POST": pause_message_webhook},
    "/{version}/dip-channel/{id}/pubconfig/{recipient_id}/resume": {"POST": resume_message_webhook},
    "/{version}/dip-channel/{id}/replay/{recipient_id}": {"POST": replay_messages},
    "/{version}/dip-channel/{id}/requeue/{recipient_id}": {"POST": requeue_messages},
    "/{version}/dip-channel/{id}/requeueStatus/{recipient_id}": {"GET": tell_requeue_status},
    "/{version}/statusmessage": {"POST": send_statuses},
    "/{version}/statusmessage/replay/{recipient_id}": {"POST": replay_statuses},
    "/{version}/statusmessage/requeue/{recipient_id}": {"POST": requeue_statuses},
    "/{version}/statusmessage/requeueStatus/{recipient_id}": {"GET": tell_status_requeue},
    "/{version}/statusmessage/config/{recipient_id}": {
        "POST": set_status_webhook,
        "DELETE": delete_status_webhook,
    },
    "/{version}/statusmessage/config/{recipient_id}/pause": {"POST": pause_status_webhook},
    "/{version}/statusmessage/config/{recipient_id}/resume": {"POST": resume_status_webhook},
}


def create_app(context: ApiContext) -> Starlette:
    """The application; it proves the callers of all its paths itself."""
    app = Starlette(
        routes=[_make_route(path, handlers, context) for path, handlers in PATHS.items()],
        exception_handlers={
            404: _refuse(context, Status.NOT_FOUND, "Nothing is served at this path."),
            405: _refuse(context, Status.METHOD_NOT_ALLOWED, "This path is not called with this method."),
        },
    )
    app.router.redirect_slashes = False
    return app


def _make_route(path: str, handlers: Mapping[str, Handler], context: ApiContext) -> Route:
    route = Route(path, _dispatch(handlers, context), methods=[*handlers])
    # Starlette takes HEAD wherever it takes GET; here it is a method like any other that is not served.
    route.methods = set(handlers)
    return route


def _dispatch(handlers: Mapping[str, Handler], context: ApiContext) -> Callable[[Request], Awaitable[Response]]:
    guarded = {method: guard(handler, context) for method, handler in handlers.items()}

    async def respond(request: Request) -> Response:
        return await guarded[request.method](request)

    return respond


def _refuse(context: ApiContext, status: Status, text: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def respond(_: Request, error: Exception) -> Response:
        response = answer_refusal(Refusal(status, PROCESSING_FAILED, text), context.rules.accept)
        # A 405 names the methods that are allowed.
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    return respond
