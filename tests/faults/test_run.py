"""The bounded form of `make faults`: some faults under load, and nothing is lost, repeated, silent or stuck."""

from random import Random

from tests.faults.conftest import SEED
from tests.faults.running import run_faults, settle
from tests.faults.world import World

KILLS = 20


async def test_whatever_dies_nothing_is_lost_repeated_silent_or_stuck(world: World):
    before = await settle(world)
    verdict = await run_faults(world, Random(SEED), KILLS)
    assert set(verdict.findings) - set(before.findings) == set()
    assert verdict.kills == KILLS
    assert verdict.accepted > before.accepted
