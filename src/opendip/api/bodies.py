"""Reading bodies: as a stream, hashed on the way, within a size, a time and what all of them together may hold."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import ClientDisconnect, Request

from opendip.api.budget import BodyBudget, Room
from opendip.api.pace import Pace
from opendip.client.signing import encode_digest
from opendip.domain.outcomes import PROCESSING_FAILED, Refusal, Status

COPIES = 2
"""A body is there once as pieces and once joined."""
_FIRST_STEP = 2 * 2**20
_STEP = 4 * 2**20
"""Bytes by which the room of a body grows that does not say how large it is; a small one has enough in the first."""
_RETRY_SECONDS = 5


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
    reading = _Reading(budget, owner, max_bytes, longest)
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
        for room in reading.rooms:
            budget.give_back(room)


class _Reading:
    """The reading of one body."""

    def __init__(self, budget: BodyBudget, owner: str, max_bytes: int, longest: timedelta) -> None:
        self._budget = budget
        self._owner = owner
        self._max_bytes = max_bytes
        self._longest = longest
        self.rooms: list[Room] = []
        self.is_waiting = False

    async def read(self, request: Request) -> ReadBody | Refusal:
        text = request.headers.get("content-length")
        announced = None if text is None else int(text) if text.isdecimal() else 0
        if announced is not None:
            if announced > self._max_bytes:
                return self._refuse_size()
            await self._take(announced * COPIES)
        return await self._read_stream(request, Pace(announced, self._longest))

    async def _take(self, size: int) -> None:
        self.is_waiting = True
        self.rooms.append(await self._budget.take(self._owner, size))
        self.is_waiting = False

    async def _read_stream(self, request: Request, pace: Pace) -> ReadBody | Refusal:
        digest = hashlib.sha256()
        parts: list[bytes] = []
        size = 0
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.timeout_at(began + pace.get_deadline(0, 0)) as timeout:
            async for part in request.stream():
                size += len(part)
                timeout.reschedule(began + pace.get_deadline(size, clock() - began))
                if size > self._max_bytes:
                    return self._refuse_size()
                if not self._has_room(size):
                    return _refuse_slow(is_waiting=True)
                digest.update(part)
                parts.append(part)
        return ReadBody(b"".join(parts), encode_digest(digest.digest()))

    def _has_room(self, size: int) -> bool:
        """Takes more of it where this is not enough."""
        if size * COPIES <= sum(room.size for room in self.rooms):
            return True
        room = self._budget.take_now(self._owner, (_STEP if self.rooms else _FIRST_STEP) * COPIES)
        if room is None:
            return False
        self.rooms.append(room)
        return True

    def _refuse_size(self) -> Refusal:
        text = f"The body is larger than {self._max_bytes} bytes, the most that is taken. Send fewer at a time."
        return Refusal(Status.TOO_LARGE, PROCESSING_FAILED, text)


def _refuse_slow(is_waiting: bool) -> Refusal:
    if is_waiting:
        text = "The DIP holds as many calls as it can just now. Send this call again, unchanged."
        return Refusal(Status.TOO_MANY, PROCESSING_FAILED, text, retry_after_seconds=_RETRY_SECONDS)
    return Refusal(Status.TIMED_OUT, PROCESSING_FAILED, "The body did not arrive in time. Send the call again.")
