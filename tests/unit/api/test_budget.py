import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.api.budget import BodyBudget, Room

MOST = 80
"""Of which 10 are kept for bodies no larger than that, and 70 are open to all."""


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def start(coroutine: Coroutine[Any, Any, Room]) -> asyncio.Task[Room]:
    return asyncio.create_task(coroutine)


async def test_what_fits_is_taken_at_once() -> None:
    budget = BodyBudget(MOST)
    await budget.take("a", 30)
    await budget.take("b", 40)
    assert not budget.take_now("c", 11)


async def test_who_finds_no_room_waits_in_line_and_is_served_in_order() -> None:
    budget = BodyBudget(MOST)
    first, second = await budget.take("a", 35), await budget.take("b", 35)
    served: list[int] = []

    async def wait(owner: str, size: int) -> Room:
        room = await budget.take(owner, size)
        served.append(size)
        return room

    waiting = [start(wait(owner, size)) for owner, size in (("c", 60), ("d", 11), ("e", 12))]
    await settle()
    budget.give_back(first)
    await settle()
    assert served == [], "a small one does not overtake a large one"
    budget.give_back(second)
    large = (await asyncio.gather(*waiting[:1]))[0]
    assert served == [60]
    budget.give_back(large)
    await asyncio.gather(*waiting)
    assert served == [60, 11, 12]


async def test_a_small_body_waits_for_no_large_one() -> None:
    budget = BodyBudget(MOST)
    held = [await budget.take("greedy", 35), await budget.take("slow", 35)]
    more = [start(budget.take(owner, 35)) for owner in ("greedy", "slow", "other") for _ in range(5)]
    await settle()
    assert not any(task.done() for task in more)
    for _ in range(100):
        for owner in ("greedy", "slow", "other", "one more"):
            budget.give_back(await budget.take(owner, 5))
    for room in held:
        budget.give_back(room)
    await settle()
    assert [task.done() for task in more].count(True) == 2
    for task in more:
        task.cancel()


async def test_of_the_room_kept_for_small_bodies_an_owner_has_half_and_what_else_is_free() -> None:
    budget = BodyBudget(MOST)
    for _ in range(8):
        await budget.take("busy", 5)
    assert not budget.take_now("busy", 5), "5 of the 10 kept for small ones, 35 of the 70 that are open to all"
    assert budget.take_now("other", 5)


async def test_who_gives_up_waiting_leaves_the_line_to_the_next() -> None:
    budget = BodyBudget(MOST)
    first = await budget.take("a", 60)
    large, small = start(budget.take("b", 50)), start(budget.take("c", 10))
    smaller = start(budget.take("d", 10))
    await settle()
    assert (small.done(), smaller.done()) == (True, False)
    large.cancel()
    with pytest.raises(asyncio.CancelledError):
        await large
    for room in (await smaller, await small, first):
        budget.give_back(room)
    await budget.take("d", 70)


async def test_who_gives_up_just_when_there_is_room_takes_none() -> None:
    budget = BodyBudget(MOST)
    first = await budget.take("a", 70)
    second = start(budget.take("b", 70))
    await settle()
    second.cancel()
    budget.give_back(first)
    await settle()
    assert second.cancelled()
    assert budget.take_now("c", 70)


async def test_an_owner_holds_half_at_most_and_the_others_pass_it_in_the_line() -> None:
    budget = BodyBudget(MOST)
    first = await budget.take("greedy", 30)
    more = [start(budget.take("greedy", 30)) for _ in range(5)]
    await settle()
    await budget.take("other", 35)
    assert not any(task.done() for task in more)
    budget.give_back(first)
    await settle()
    assert [task.done() for task in more] == [True, False, False, False, False]
    for task in more:
        task.cancel()


async def test_a_body_larger_than_the_share_is_taken_when_it_is_its_owners_only_one() -> None:
    budget = BodyBudget(MOST)
    first = await budget.take("a", 60)
    second = start(budget.take("a", 11))
    await settle()
    assert not second.done()
    budget.give_back(first)
    await second


async def test_the_largest_body_has_room_however_little_there_is_to_be() -> None:
    budget = BodyBudget(MOST, largest=1000)
    await budget.take("a", 1000)


async def test_a_body_on_its_way_grows_only_where_nobody_waits_for_the_room() -> None:
    budget = BodyBudget(MOST)
    first = budget.take_now("a", 30)
    assert first
    assert not budget.take_now("a", 30), "it would be more than half"
    waiting = start(budget.take("b", 60))
    await settle()
    assert not budget.take_now("c", 11)
    budget.give_back(first)
    await waiting


@given(
    sizes=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 70)), min_size=1, max_size=30), seed=st.integers()
)
async def test_whatever_comes_and_goes_all_are_served_and_never_more_is_held(
    sizes: list[tuple[str, int]], seed: int
) -> None:
    budget, random, held, most = BodyBudget(MOST), Random(seed), 0, 0

    async def hold(owner: str, size: int) -> None:
        nonlocal held, most
        room = await budget.take(owner, size)
        held += size
        most = max(most, held)
        for _ in range(random.randint(0, 3)):
            await asyncio.sleep(0)
        held -= size
        budget.give_back(room)

    async with asyncio.timeout(60):
        await asyncio.gather(*(hold(owner, size) for owner, size in sizes))
    assert most <= MOST
    assert budget.take_now("a", 70)
    assert budget.take_now("a", 10)
