"""Bugs planted in workers that run are found: one message, one status message, one record too few is enough."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.bugs import DROP_STATUS, FORGET_DELIVERY, SKIP_MESSAGE
from tests.faults.checker import Verdict
from tests.faults.load import EXPIRING, KINDS, SENDERS
from tests.faults.running import settle
from tests.faults.world import World

MESSAGES = 5
SETTLING_SECONDS = 20.0
CALM_KINDS = [kind for kind, _ in KINDS if kind.channel != EXPIRING]
"""Waiting for what is never delivered would take longer than all the rest."""


@pytest_asyncio.fixture(loop_scope="session")
async def mended(world: World) -> AsyncIterator[World]:
    """The world, whose workers have no bug any more in the end; what they did shows in its history for ever."""
    yield world
    await world.plant("")


async def run_calmly(world: World) -> Verdict:
    """Some messages of most kinds, and no fault at all but the planted one; judged with all that was before."""
    for sender_id in SENDERS:
        async with world.make_sender(sender_id) as sender:
            sending = [world.load.send(sender, kind, MESSAGES) for kind in CALM_KINDS if kind.sender == sender_id]
            await asyncio.gather(*sending)
    return await settle(world, SETTLING_SECONDS)


@pytest.mark.parametrize(
    ("bug", "kind"), [(SKIP_MESSAGE, "lost"), (DROP_STATUS, "silent"), (FORGET_DELIVERY, "repeated")]
)
async def test_a_planted_bug_is_found(mended: World, bug: str, kind: str):
    before = await run_calmly(mended)
    await mended.plant(bug)
    verdict = await run_calmly(mended)
    found = set(verdict.findings) - set(before.findings)
    assert found
    assert {line.partition(":")[0] for line in found} == {kind}
