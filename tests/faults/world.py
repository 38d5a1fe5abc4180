"""The world of a run: a home with a database that writes to the disk in earnest, its processes, its recipients."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from opendip.client import Credentials, Patience, Sender
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.pool import DATABASE_FAULTS, open_connection
from opendip.store.postgres_binaries import PostgresUnavailable
from tests.faults import launcher
from tests.faults.afterwards import Afterwards
from tests.faults.clocks import ProcessClock, prepare_database_clock
from tests.faults.history import Fault
from tests.faults.load import EXPIRING, Load
from tests.faults.recipients import Log, Recipient
from tests.faults.sockets import find_owner
from tests.journeys.conftest import apply, make_home
from tests.journeys.market import RECEIVING
from tests.journeys.processes import DipProcess, find_free_port

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 2.0
LEASE_SECONDS = 5.0
PARTS = ("api", "api", "worker", "worker", "clock")
SETTINGS: Mapping[str, object] = {
    "webhook_connect_timeout_seconds": ANSWER_SECONDS,
    "webhook_answer_timeout_seconds": ANSWER_SECONDS,
    # The clock is stepped by an hour, and that is not to make every call and delivery a forgery.
    "signature_tolerance_seconds": 3 * 3600,
    "default_max_message_count": 50,
    "lease_seconds": LEASE_SECONDS,
}
_EXPIRE_SOON = """
insert into channel_rule (channel, dead_letter_after, changed_at) values ($1, interval '5 seconds', now())
"""
POSTGRES = {"shared_buffers": "64MB", "max_wal_size": "256MB"}
IMPATIENT = Patience(max_attempts=100, base=timedelta(milliseconds=20), ceiling=timedelta(milliseconds=300))
PATIENT = Patience(max_attempts=100_000, base=timedelta(milliseconds=20), ceiling=timedelta(milliseconds=300))


@dataclass
class World:
    """What a run breaks, and what it sees."""

    home: Path
    credentials: Path
    base: str
    postgres: EmbeddedPostgres
    processes: list[DipProcess]
    clock: ProcessClock
    random: Random
    load: Load = field(default_factory=Load)
    afterwards: Afterwards = field(default_factory=Afterwards)
    log: Log = field(default_factory=Log)
    recipients: dict[str, Recipient] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def list_parts(self, part: str) -> list[DipProcess]:
        return [process for process in self.processes if process.part == part]

    def make_sender(self, dip_id: str, patience: Patience = PATIENT) -> Sender:
        return Sender(Credentials.load(self.credentials / dip_id), self.base, patience=patience)

    def find_worker(self, port: int, own_port: int) -> int | None:
        return find_owner(port, own_port, [worker.id for worker in self.list_parts("worker")])

    async def plant(self, bug: str) -> None:
        """Other workers from now on, with that bug; with none for an empty text."""
        await asyncio.gather(*(worker.stop() for worker in self.list_parts("worker")))
        for number, process in enumerate(self.processes):
            if process.part == "worker":
                self.processes[number] = _make_process("worker", number, self.home.parent, self.clock, bug)
                await self.processes[number].start()

    async def revive_database(self) -> None:
        """Until it is ready: what is left of one that was killed may be in the way of the next for a while."""
        while not await is_ready(self.postgres):
            with suppress(PostgresUnavailable):
                await asyncio.to_thread(self.postgres.start)
            await asyncio.sleep(0.05)

    async def keep_running(self) -> None:
        """As `dip serve` does: whatever ended is started again. Until it is cancelled."""
        while True:
            await asyncio.sleep(0.1)
            for process in self.processes:
                if not process.is_running:
                    process.launch()


async def is_ready(postgres: EmbeddedPostgres) -> bool:
    try:
        async with asyncio.timeout(2), open_connection(postgres.url) as connection:
            return bool(await connection.fetchval("select true"))
    except (*DATABASE_FAULTS, TimeoutError):
        return False


@asynccontextmanager
async def open_world(place: Path, random: Random) -> AsyncIterator[World]:
    """All of it, up and healthy."""
    home, credentials, port = place / "home", place / "credentials", find_free_port()
    postgres = EmbeddedPostgres(home, POSTGRES)
    await asyncio.to_thread(postgres.create)
    await asyncio.to_thread(postgres.start)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        await make_home(home, "", port)
        await apply(home, credentials, {}, "")
        async with open_connection(postgres.url) as connection:
            await prepare_database_clock(connection)
            await connection.execute(_EXPIRE_SOON, EXPIRING)
        clock = ProcessClock(place / "clock")
        world = World(home, credentials, f"https://127.0.0.1:{port}", postgres, [], clock, random)
        for dip_id in RECEIVING:
            seed = Random(random.random())
            directory = credentials / dip_id
            recipient = Recipient(dip_id, directory, world.log, seed, ANSWER_SECONDS, world.find_worker)
            world.recipients[dip_id] = recipient
            await recipient.open()
            stack.push_async_callback(recipient.go_away)
        await apply(home, credentials, {r.dip_id: r.port for r in world.recipients.values()}, "")
        world.processes = [_make_process(part, number, place, clock) for number, part in enumerate(PARTS)]
        stack.callback(_end_all, world.processes)
        for process in world.processes:
            process.launch()
        for process in world.processes:
            await process.wait_until_ready()
        yield world


def _make_process(part: str, number: int, place: Path, clock: ProcessClock, bug: str = "") -> DipProcess:
    environ = {
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        launcher.CLOCK: str(clock.file),
        launcher.BUG: bug,
    }
    program = ("-m", launcher.__name__)
    return DipProcess(part, place / "home", place / f"{part}-{number}.log", SETTINGS, program, environ)


def _end_all(processes: list[DipProcess]) -> None:
    """Nothing they might still do counts."""
    for process in processes:
        if process.is_running:
            os.kill(process.id, signal.SIGKILL)
