"""Answers that are made while they are sent, as fast as they are taken and no faster."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_PIECE_SECONDS = 60.0
"""Whoever takes nothing for so long is cut off: an answer under way has a place that others wait for."""

log = structlog.get_logger()


class PiecewiseResponse(StreamingResponse):
    """JSON in pieces. When it fails midway the connection is cut, so that nobody takes a part for the whole."""

    def __init__(
        self, pieces: AsyncIterator[bytes], status: int, headers: Mapping[str, str], on_end: Callable[[], None]
    ) -> None:
        super().__init__(pieces, status, headers, "application/json")
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_PIECE_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except Exception as error:
            # The trace and the error's own text may quote personal data.
            log.warning("answer_cut_off", error=type(error).__name__)
        finally:
            self._on_end()
