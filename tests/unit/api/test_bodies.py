import asyncio

import pytest

from opendip.api.bodies import BodyBudget


async def test_what_fits_is_taken_at_once() -> None:
    budget = BodyBudget(10)
    await budget.take(4)
    await budget.take(6)
    assert not budget.take_now(1)


async def test_who_finds_no_room_waits_in_line_and_is_served_in_order() -> None:
    budget = BodyBudget(10)
    await budget.take(10)
    served: list[int] = []

    async def wait(size: int) -> None:
        await budget.take(size)
        served.append(size)

    waiting = [asyncio.create_task(wait(size)) for size in (8, 2, 1)]
    await asyncio.sleep(0)
    budget.give_back(7)
    await asyncio.sleep(0)
    assert served == [], "a small one does not overtake a large one"
    budget.give_back(3)
    await asyncio.gather(*waiting[:2])
    assert served == [8, 2]
    budget.give_back(10)
    await waiting[2]
    assert served == [8, 2, 1]


async def test_who_gives_up_waiting_leaves_the_line_to_the_next() -> None:
    budget = BodyBudget(10)
    await budget.take(9)
    large = asyncio.create_task(budget.take(5))
    small = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0)
    large.cancel()
    with pytest.raises(asyncio.CancelledError):
        await large
    await small
    budget.give_back(10)
    await budget.take(10)
