"""Reading bodies: as a stream, hashed on the way, within a size, a time and what all of them together may hold."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import ClientDisconnect, Request

from opendip.api.budget import BodyBudget
from opendip.client.signing import encode_digest
from opendip.domain.outcomes import PROCESSING_FAILED, Refusal, Status

_STEP = 4 * 2**20
_COPIES = 2
"""A body is there once as pieces and once joined."""
_RETRY_SECONDS = 5
_SILENCE_SECONDS = 15.0
"""A body that is announced has its room; one of which nothing comes for so long gives it back."""


@dataclass(frozen=True, slots=True)
class ReadBody:
    """The bytes as sent and their SHA-256 in base64."""

    data: bytes
    content_hash: str


@asynccontextmanager
async def read_body(
    request: Request, budget: BodyBudget, owner: str, max_bytes: int, longest: timedelta
) -> AsyncIterator[ReadBody | Refusal]:
    """The body, which counts against its owner's part of the budget until the block ends; or why it is refused."""
    reading = _Reading(budget, owner, max_bytes)
    try:
        async with asyncio.timeout(longest.total_seconds()):
            body = await reading.read(request)
    except TimeoutError:
        body = _refuse_slow(reading.is_waiting)
    except ClientDisconnect:
        body = Refusal(Status.BAD_REQUEST, PROCESSING_FAILED, "The call ended before its body was complete.")
    try:
        yield body
    finally:
        budget.give_back(owner, reading.taken)


class _Reading:
    """The reading of one body."""

    def __init__(self, budget: BodyBudget, owner: str, max_bytes: int) -> None:
        self._budget = budget
        self._owner = owner
        self._max_bytes = max_bytes
        self.taken = 0
        self.is_waiting = False

    async def read(self, request: Request) -> ReadBody | Refusal:
        announced = request.headers.get("content-length")
        if announced is not None:
            size = int(announced) if announced.isdecimal() else 0
            if size > self._max_bytes:
                return self._refuse_size()
            await self._take(size * _COPIES)
        return await self._read_stream(request)

    async def _take(self, size: int) -> None:
        self.is_waiting = True
        await self._budget.take(self._owner, size)
        self.is_waiting = False
        self.taken += size

    async def _read_stream(self, request: Request) -> ReadBody | Refusal:
        digest = hashlib.sha256()
        parts: list[bytes] = []
        size = 0
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(_SILENCE_SECONDS) as silence:
            async for part in request.stream():
                silence.reschedule(clock() + _SILENCE_SECONDS)
                size += len(part)
                if size > self._max_bytes:
                    return self._refuse_size()
                if size * _COPIES > self.taken and not self._take_step():
                    return _refuse_slow(is_waiting=True)
                digest.update(part)
                parts.append(part)
        return ReadBody(b"".join(parts), encode_digest(digest.digest()))

    def _take_step(self) -> bool:
        if not self._budget.take_now(self._owner, _STEP * _COPIES):
            return False
        self.taken += _STEP * _COPIES
        return True

    def _refuse_size(self) -> Refusal:
        text = f"The body is larger than {self._max_bytes} bytes, the most that is taken. Send fewer at a time."
        return Refusal(Status.TOO_LARGE, PROCESSING_FAILED, text)


def _refuse_slow(is_waiting: bool) -> Refusal:
    if is_waiting:
        text = "The DIP holds as many calls as it can just now. Send this call again, unchanged."
        return Refusal(Status.TOO_MANY, PROCESSING_FAILED, text, retry_after_seconds=_RETRY_SECONDS)
    return Refusal(Status.TIMED_OUT, PROCESSING_FAILED, "The body did not arrive in time. Send the call again.")
