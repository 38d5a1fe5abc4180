"""What is done to a world: processes killed and stopped, the database cut off, disks filled, clocks stepped."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from random import Random
from time import monotonic
from typing import Any

from opendip.store.pool import DATABASE_FAULTS, open_connection
from tests.faults.clocks import step_database_clock
from tests.faults.history import REPAIR, Fault
from tests.faults.moods import MOODS
from tests.faults.server import UNLIMITED, limit_files, list_children
from tests.faults.world import LEASE_SECONDS, World
from tests.journeys.processes import end_database

STEP_SECONDS = 3600
_BAD = sorted(set(MOODS) - {"take"})


class Havoc:
    """One kind of fault after another, at random. Faults of different kinds may overlap."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._database = asyncio.Lock()
        self._stopped: set[int] = set()
        self._offsets = {"processes": 0, "database": 0}

    @property
    def kinds(self) -> Mapping[str, tuple[Callable[[], Coroutine[Any, Any, None]], int]]:
        """Each with its weight."""
        return {
            "kill api": (self.kill_api, 20),
            "kill worker": (self.kill_worker, 30),
            "kill clock": (self.kill_clock, 6),
            "kill database": (self.kill_database, 10),
            "kill backend": (self.kill_backend, 10),
            "stop worker": (self.stop_worker, 5),
            "fill disk": (self.fill_disk, 4),
            "step process clocks": (self.step_process_clocks, 4),
            "step database clock": (self.step_database_clock, 4),
        }

    async def kill_api(self) -> None:
        await self._kill("api")

    async def kill_clock(self) -> None:
        await self._kill("clock")

    async def kill_worker(self) -> None:
        await self._kill("worker")

    async def _kill(self, part: str) -> None:
        process = self._random.choice(self._world.list_parts(part))
        with self._noting(f"kill {part}", process.id if part == "worker" else None, excuses=part == "worker"):
            await process.kill()
        if not process.is_running:
            process.launch()

    async def stop_worker(self) -> None:
        """For longer than its lease: another takes over, and then it comes back as if nothing had been."""
        if self._stopped:
            return await self.kill_worker()
        worker = self._random.choice(self._world.list_parts("worker"))
        number = worker.id
        self._stopped.add(number)
        with self._noting("stop worker", number):
            try:
                os.kill(number, signal.SIGSTOP)
                await asyncio.sleep(LEASE_SECONDS + self._random.random())
            finally:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGCONT)
                self._stopped.discard(number)

    async def kill_database(self) -> None:
        number = self._random.choice((signal.SIGQUIT, signal.SIGKILL))
        async with self._database:
            with self._noting(f"kill database with {number.name}"):
                await end_database(self._world.postgres, number)
                await self._world.revive_database()

    async def kill_backend(self) -> None:
        """Any process of PostgreSQL but the first: all others then start anew, and recover."""
        async with self._database:
            children = list_children(self._world.postgres)
            with self._noting("kill backend"):
                with suppress(ProcessLookupError, IndexError):
                    os.kill(self._random.choice(children), signal.SIGKILL)
                await asyncio.sleep(0.05)
                await self._world.revive_database()

    async def fill_disk(self) -> None:
        """No file of the database can grow beyond some size, as good as a full disk: what is written fails."""
        async with self._database:
            with self._noting("fill disk"):
                most = self._random.choice((0, 2**16, 2**20, 2**22, 2**23))
                try:
                    limit_files(self._world.postgres, most)
                    await asyncio.sleep(0.3 + self._random.random())
                    # Those that were started meanwhile have it from their parent.
                finally:
                    limit_files(self._world.postgres, UNLIMITED)
                await self._world.revive_database()

    async def step_process_clocks(self) -> None:
        step = self._choose_step("processes")
        with self._noting(f"step process clocks to {step} s"):
            self._world.clock.step(step)

    async def step_database_clock(self) -> None:
        async with self._database:
            step = self._choose_step("database")
            with self._noting(f"step database clock to {step} s"):
                await set_database_clock(self._world, step)

    def _choose_step(self, whose: str) -> int:
        """An hour forth or back from where it is, but never more than an hour from the truth.

        The processes' clocks are not put before it: the certificates of a run are not valid before it began.
        """
        steps = (STEP_SECONDS,) if whose == "processes" else (-STEP_SECONDS, STEP_SECONDS)
        self._offsets[whose] = 0 if self._offsets[whose] else self._random.choice(steps)
        return self._offsets[whose]

    @contextmanager
    def _noting(self, kind: str, worker: int | None = None, *, excuses: bool = True) -> Iterator[None]:
        began_at = monotonic()
        try:
            yield
        finally:
            self._world.faults.append(Fault(kind, began_at, monotonic(), worker, excuses))

    async def change_moods(self) -> None:
        """Now this recipient, now that. Until it is cancelled."""
        recipients = list(self._world.recipients.values())
        while True:
            await asyncio.sleep(self._random.random() / 3)
            recipient = self._random.choice(recipients)
            choice = self._random.random()
            if choice < 0.05:
                await recipient.go_away()
                continue
            await recipient.open()
            recipient.mood = "take" if choice < 0.5 else self._random.choice(_BAD)

    async def end(self) -> None:
        """Everything is well again. The database's clock is right; the processes' are ahead for good.

        What was queued by a clock an hour ahead expires an hour later, for which no run waits.
        """
        for recipient in self._world.recipients.values():
            recipient.mood = "take"
            await recipient.open()
        async with self._database:
            self._world.clock.step(STEP_SECONDS)
            with self._noting(REPAIR):
                await set_database_clock(self._world, 0)


async def set_database_clock(world: World, seconds: float) -> None:
    while True:
        await world.revive_database()
        with suppress(*DATABASE_FAULTS):
            async with open_connection(world.postgres.url) as connection:
                await step_database_clock(connection, seconds)
            return
