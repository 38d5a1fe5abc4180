"""Reading a body: whole, hashed, within its size and time; and what is told when it is not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request

from opendip.api.bodies import ReadBody, read_body
from opendip.api.budget import BodyBudget
from opendip.client.signing import content_hash
from opendip.domain.outcomes import Refusal, Status

LONG = timedelta(seconds=60)
SHORT = timedelta(milliseconds=50)


def make_request(parts: Sequence[bytes | None], length: int | None = None) -> Request:
    """A call whose body comes in these parts; None: the client is gone; after the last one, silence."""
    coming = [*parts]

    async def receive() -> dict[str, Any]:
        if not coming:
            await asyncio.Event().wait()
        part = coming.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": part != b""}

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


@asynccontextmanager
async def reading(
    request: Request, budget: BodyBudget | None = None, most: int = 100, longest: timedelta = LONG
) -> AsyncIterator[ReadBody | Refusal]:
    async with read_body(request, budget or BodyBudget(2**30), "Example Data Ltd", most, longest) as body:
        yield body


@pytest.mark.parametrize("length", [None, 6])
async def test_a_body_is_joined_and_hashed(length: int | None) -> None:
    async with reading(make_request([b"abc", b"def", b""], length)) as body:
        assert body == ReadBody(b"abcdef", content_hash(b"abcdef"))


async def test_a_body_larger_than_announced_is_still_held_to_the_limit() -> None:
    async with reading(make_request([b"x" * 60, b"x" * 60, b""], 10)) as body:
        assert isinstance(body, Refusal)
        assert body.status is Status.TOO_LARGE


async def test_one_announced_as_too_large_is_refused_unread() -> None:
    async with reading(make_request([], 101)) as body:
        assert isinstance(body, Refusal)
        assert body.status is Status.TOO_LARGE


async def test_one_that_stops_coming_is_a_timeout() -> None:
    async with reading(make_request([b"abc"]), longest=SHORT) as body:
        assert isinstance(body, Refusal)
        assert body.status is Status.TIMED_OUT


async def test_one_whose_sender_is_gone_is_refused() -> None:
    async with reading(make_request([b"abc", None])) as body:
        assert isinstance(body, Refusal)
        assert body.status is Status.BAD_REQUEST


async def test_one_that_finds_no_room_in_time_is_asked_to_come_again() -> None:
    budget = BodyBudget(1000)
    await budget.take("Example Supply Ltd", 1000 * 7 // 8)
    async with reading(make_request([b"x" * 70, b""], 70), budget, longest=SHORT) as body:
        assert isinstance(body, Refusal)
        assert body.status is Status.TOO_MANY
        assert body.retry_after_seconds


async def test_one_that_grows_beyond_the_room_there_is_is_asked_to_come_again() -> None:
    async with reading(make_request([b"x" * 60, b""]), BodyBudget(1000)) as body:
        assert isinstance(body, Refusal)
        assert body.status is Status.TOO_MANY


@pytest.mark.parametrize("parts", [[b"abc", b""], [b"abc", None], [b"x" * 60, b"x" * 60, b""]])
async def test_its_room_is_given_back_whatever_became_of_it(parts: list[bytes | None]) -> None:
    budget = BodyBudget(0, largest=2**24)
    async with reading(make_request(parts), budget):
        assert not budget.take_now("Example Supply Ltd", 2**24)
    assert budget.take_now("Example Supply Ltd", 2**24)


async def test_a_small_body_that_does_not_say_how_small_it_is_waits_for_no_large_one() -> None:
    budget = BodyBudget(2**26)
    await budget.take("Example Supply Ltd", 2**26 * 7 // 8)
    async with reading(make_request([b"abc", b""]), budget) as body:
        assert isinstance(body, ReadBody)
