import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.api.budget import BodyBudget


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(coroutine)


async def test_what_fits_is_taken_at_once() -> None:
    budget = BodyBudget(10)
    await budget.take("a", 4)
    await budget.take("b", 6)
    assert not budget.take_now("c", 1)


async def test_who_finds_no_room_waits_in_line_and_is_served_in_order() -> None:
    budget = BodyBudget(10)
    await budget.take("a", 10)
    served: list[int] = []

    async def wait(owner: str, size: int) -> None:
        await budget.take(owner, size)
        served.append(size)

    waiting = [start(wait(owner, size)) for owner, size in (("b", 8), ("c", 2), ("d", 1))]
    await settle()
    budget.give_back("a", 7)
    await settle()
    assert served == [], "a small one does not overtake a large one"
    budget.give_back("a", 3)
    await asyncio.gather(*waiting[:2])
    assert served == [8, 2]
    budget.give_back("b", 8)
    await waiting[2]
    assert served == [8, 2, 1]


async def test_who_gives_up_waiting_leaves_the_line_to_the_next() -> None:
    budget = BodyBudget(10)
    await budget.take("a", 9)
    large, small = start(budget.take("b", 5)), start(budget.take("c", 1))
    await settle()
    large.cancel()
    with pytest.raises(asyncio.CancelledError):
        await large
    await small
    budget.give_back("a", 9)
    budget.give_back("c", 1)
    await budget.take("d", 10)


async def test_an_owner_holds_half_at_most_and_the_others_pass_it_in_the_line() -> None:
    budget = BodyBudget(10)
    await budget.take("greedy", 4)
    more = [start(budget.take("greedy", 4)) for _ in range(5)]
    await settle()
    await budget.take("other", 5)
    assert not any(task.done() for task in more)
    budget.give_back("greedy", 4)
    await settle()
    assert [task.done() for task in more] == [True, False, False, False, False]
    for task in more:
        task.cancel()


async def test_a_body_larger_than_the_share_is_taken_when_it_is_its_owners_only_one() -> None:
    budget = BodyBudget(10)
    await budget.take("a", 9)
    second = start(budget.take("a", 1))
    await settle()
    assert not second.done()
    budget.give_back("a", 9)
    await second


async def test_a_body_on_its_way_grows_only_where_nobody_waits_for_the_room() -> None:
    budget = BodyBudget(10)
    assert budget.take_now("a", 3)
    assert not budget.take_now("a", 3), "it would be more than half"
    waiting = start(budget.take("b", 8))
    await settle()
    assert not budget.take_now("c", 1)
    budget.give_back("a", 3)
    await waiting


@given(
    sizes=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 10)), min_size=1, max_size=30), seed=st.integers()
)
async def test_whatever_comes_and_goes_all_are_served_and_never_more_is_held(
    sizes: list[tuple[str, int]], seed: int
) -> None:
    budget, random, held, most = BodyBudget(10), Random(seed), 0, 0

    async def hold(owner: str, size: int) -> None:
        nonlocal held, most
        await budget.take(owner, size)
        held += size
        most = max(most, held)
        for _ in range(random.randint(0, 3)):
            await asyncio.sleep(0)
        held -= size
        budget.give_back(owner, size)

    async with asyncio.timeout(60):
        await asyncio.gather(*(hold(owner, size) for owner, size in sizes))
    assert most <= 10
    assert budget.take_now("a", 10)
