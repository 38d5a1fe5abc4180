"""One world for the tests here: most of the time of a run is its beginning."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest_asyncio

from tests.faults.world import World, open_world

SEED = 20260321


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def world(open_directory: Path) -> AsyncIterator[World]:
    place = open_directory / "faults"
    place.mkdir(mode=0o711)
    async with open_world(place, Random(SEED)) as world:
        yield world
