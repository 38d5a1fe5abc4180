"""Waiting for what must come: by condition, with a limit that only says when to give up."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")
LIMIT_SECONDS = 60.0


async def eventually(find: Callable[[], Found | Awaitable[Found]], what: str, limit: float = LIMIT_SECONDS) -> Found:
    """The first answer that is true; fails when none comes."""
    try:
        async with asyncio.timeout(limit):
            while True:
                found = find()
                if inspect.isawaitable(found):
                    found = await found
                if found:
                    return found  # type: ignore[return-value]
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {limit:g} seconds: {what}") from None
