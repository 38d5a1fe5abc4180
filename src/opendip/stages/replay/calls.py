"""Calls that are answered once: the very same signed call sent again is answered as the first was, and does nothing."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import zstandard

from opendip.domain.outcomes import Refusal
from opendip.store.pool import Connection, Pool
from opendip.store.requeue_jobs import GivenAnswer, find_given_answer, keep_answer

_LEVEL = 1

Act = Callable[[Connection], Awaitable[GivenAnswer | Refusal]]
"""What a call does, and its answer. What it did before a refusal is undone."""


class _NotKept(Exception):  # noqa: N818 - it says what happened
    """What was done is undone: for a refusal, or because another was faster with the very same call."""

    def __init__(self, refusal: Refusal | None) -> None:
        super().__init__("not kept")
        self.refusal = refusal


async def answer_once(pool: Pool, signature_digest: bytes, now: datetime, act: Act) -> GivenAnswer | Refusal:
    """The answer given before; or what the call does and its answer kept, in one transaction."""
    async with pool.acquire() as connection:
        while True:
            given = await find_given_answer(connection, signature_digest)
            if given is not None:
                return given._replace(answer=zstandard.ZstdDecompressor().decompress(given.answer))
            try:
                return await _act(connection, signature_digest, now, act)
            except _NotKept as undone:
                # A refusal stands unless the very same call was done meanwhile, and is what it was refused for.
                is_done = await find_given_answer(connection, signature_digest) is not None
                if undone.refusal is not None and not is_done:
                    return undone.refusal


async def _act(connection: Connection, signature_digest: bytes, now: datetime, act: Act) -> GivenAnswer:
    async with connection.transaction():
        done = await act(connection)
        if isinstance(done, Refusal):
            raise _NotKept(done)
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(done.answer)
        if not await keep_answer(connection, signature_digest, done._replace(answer=packed), now):
            raise _NotKept(None)
    return done
