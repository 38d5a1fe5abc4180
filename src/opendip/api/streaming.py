"""Answers that are made while they are sent, as fast as they are taken and no faster."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_PIECE_SECONDS = 60.0
"""Whoever takes nothing for so long is cut off: an answer under way has a place that others wait for."""
_LEAST_RATE = 512 * 1024
"""Bytes a second; after that time, whoever takes less on the whole is cut off too."""

log = structlog.get_logger()


class TooSlow(Exception):  # noqa: N818 - it says what happened
    """The answer is taken so slowly that it would hold its place for others' whole day."""


def get_patience(taken: int) -> float:
    """Seconds after which so many bytes must have been taken."""
    return _PIECE_SECONDS + taken / _LEAST_RATE


class PiecewiseResponse(StreamingResponse):
    """JSON in pieces. When it fails midway the connection is cut, so that nobody takes a part for the whole."""

    def __init__(
        self, pieces: AsyncIterator[bytes], status: int, headers: Mapping[str, str], on_end: Callable[[], None]
    ) -> None:
        super().__init__(pieces, status, headers, "application/json")
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        began, taken = clock(), 0

        async def send_in_time(message: Message) -> None:
            nonlocal taken
            async with asyncio.timeout(_PIECE_SECONDS):
                await send(message)
            taken += len(message.get("body", b""))
            if clock() - began > get_patience(taken):
                raise TooSlow

        try:
            await super().__call__(scope, receive, send_in_time)
        except Exception as error:
            # The trace and the error's own text may quote personal data.
            log.warning("answer_cut_off", error=type(error).__name__)
        finally:
            self._on_end()
