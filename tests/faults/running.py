"""One run: load and faults together, then all made well, waited for, and judged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random
from time import monotonic
from typing import Any

from opendip.client import Sender
from opendip.domain.problems import Problem
from opendip.store.pool import DATABASE_FAULTS, open_connection
from tests.faults.checker import Verdict, judge
from tests.faults.havoc import Havoc
from tests.faults.history import STATUS, History
from tests.faults.load import KINDS, SENDERS, Load
from tests.faults.moods import STOPPING
from tests.faults.reading import count_outstanding, list_stopped, read_tables
from tests.faults.world import ANSWER_SECONDS, IMPATIENT, World
from tests.journeys.evidence import prove_evidence
from tests.journeys.waiting import eventually

SETTLING_SECONDS = 90.0
"""Without any progress for so long, what is left is stuck: longer than every pause, lease and time-out there is."""
_LONGEST_PAUSE_SECONDS = 0.8
_BREATHING_SPACES = 0.3
_POSTS_BETWEEN = 20
_BREATHING_SECONDS = 15.0


async def run_faults(
    world: World, random: Random, kills: int, report: Callable[[int, Load], None] = lambda *_: None
) -> Verdict:
    """So many faults under load; then the verdict."""
    load, havoc, stop = world.load, Havoc(world, random), asyncio.Event()
    async with AsyncExitStack() as stack:
        senders = [(i, await stack.enter_async_context(world.make_sender(i))) for i in SENDERS]
        callers = [(i, await stack.enter_async_context(world.make_sender(i, IMPATIENT))) for i in world.recipients]
        async with _beside(world.keep_running(), wake_stopped(world)):
            calling = [_keep_sending(load, sender, i, Random(random.random()), stop) for i, sender in senders]
            calling += [
                world.afterwards.keep_on(caller, i, world.log, Random(random.random()), stop) for i, caller in callers
            ]
            sending = [asyncio.create_task(each) for each in calling]
            async with _beside(havoc.change_moods()):
                await _wreak(world, random, kills, havoc, lambda done: report(done, load))
            await havoc.end()
            stop.set()
            await asyncio.gather(*sending)
            return await settle(world)


async def _keep_sending(load: Load, sender: Sender, dip_id: str, random: Random, stop: asyncio.Event) -> None:
    kinds = [(kind, weight) for kind, weight in KINDS if kind.sender == dip_id]
    await load.keep_sending(sender, kinds, random, stop)


async def _wreak(world: World, random: Random, kills: int, havoc: Havoc, report: Callable[[int], None]) -> None:
    """Begins one fault after another, each while those before may still last; and now and then lets work be done."""
    names, weights = list(havoc.kinds), [weight for _, weight in havoc.kinds.values()]
    async with asyncio.TaskGroup() as group:
        for number in range(kills):
            await asyncio.sleep(random.random() * _LONGEST_PAUSE_SECONDS)
            if random.random() < _BREATHING_SPACES:
                await _wait_for_work(world)
            [name] = random.choices(names, weights)
            act, _ = havoc.kinds[name]
            group.create_task(act())
            report(number + 1)


async def _wait_for_work(world: World) -> None:
    """Until some more has been delivered; not for ever, for faults go on."""
    before = len(world.log.posts)
    with suppress(AssertionError):
        await eventually(
            lambda: len(world.log.posts) >= before + _POSTS_BETWEEN, "more is delivered", _BREATHING_SECONDS
        )


async def wake_stopped(world: World) -> None:
    """An operator who sees to queues that stopped: once its recipient is mended, its webhook is set again."""
    while True:
        await asyncio.sleep(0.5)
        with suppress(*DATABASE_FAULTS, Problem):
            async with open_connection(world.postgres.url) as connection:
                stopped = await list_stopped(connection)
            for dip_id, channel in stopped:
                await _wake(world, dip_id, channel)


async def _wake(world: World, dip_id: str, channel: str) -> None:
    recipient = world.recipients[dip_id]
    if recipient.mood in STOPPING:
        return
    url = f"https://127.0.0.1:{recipient.port}"
    async with world.make_sender(dip_id) as sender:
        if channel == STATUS:
            await sender.set_status_webhook(f"{url}/status")
        else:
            await sender.set_webhook(channel, f"{url}/messages")


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs beside the block, and ends with it; what fails fails the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()


async def settle(world: World, patience: float = SETTLING_SECONDS) -> Verdict:
    """Waits until nothing is outstanding, or nothing moves any more; then judges."""
    await world.revive_database()
    await _wait_until_quiet(world, patience)
    async with open_connection(world.postgres.url) as connection:
        tables = await read_tables(connection)
    assert await prove_evidence(world.postgres.url) >= world.load.calls
    return judge(
        History(
            world.load.sent,
            world.log.posts,
            world.log.told,
            world.faults,
            tables,
            ANSWER_SECONDS,
            world.afterwards.relayed,
            world.afterwards.requeued,
        )
    )


async def _wait_until_quiet(world: World, patience: float) -> None:
    left, since = None, monotonic()
    while left != 0 and monotonic() - since < patience:
        await asyncio.sleep(0.2)
        with suppress(*DATABASE_FAULTS):
            async with open_connection(world.postgres.url) as connection:
                before, left = left, await count_outstanding(connection)
            if before is None or left < before:
                since = monotonic()
