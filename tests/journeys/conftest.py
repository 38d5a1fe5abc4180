"""The journeys' DIP: one home, an API, a worker and a clock as processes of their own, and a small market on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from opendip.operations.homes import HomePlan, create_home
from opendip.operations.markets import apply_market_to_home
from opendip.settings_text import write_file
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.pool import Pool, open_pool
from tests.conftest import create_database, drop_database, url_of
from tests.journeys.described import assert_described_delivery
from tests.journeys.drafts import ENVIRONMENT
from tests.journeys.inboxes import Inbox, take_all
from tests.journeys.market import PROVIDERS, RECEIVING, ROLES, write_market
from tests.journeys.participants import Participant
from tests.journeys.processes import DipProcess, find_free_port

STRICT = {
    "body_timeout_seconds": 3,
    "max_body_bytes": 300_000,
    "max_messages": 50,
    "max_replayed_messages": 3,
    "allow_private_webhooks": "false",
}
"""Of a second API on the same database: small limits, and public webhooks alone."""


@dataclass(frozen=True)
class Dip:
    """A DIP that runs."""

    home: Path
    credentials: Path
    database_url: str
    pool: Pool
    base: str
    strict_base: str
    inboxes: dict[str, Inbox]
    participants: dict[str, Participant]

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    def creating_nothing(self) -> AbstractAsyncContextManager[None]:
        """Fails when anything is kept of the calls made meanwhile."""
        return self._leaving("submission", "chunk", "message", "sender_reference", "signed_call")

    def creating_no_message(self) -> AbstractAsyncContextManager[None]:
        """Fails when a message is taken meanwhile; of the call itself evidence may be kept."""
        return self._leaving("message", "sender_reference")

    def telling_nobody(self) -> AbstractAsyncContextManager[None]:
        """Fails when a status message is queued for anybody meanwhile."""
        return self._leaving("status_message")

    @asynccontextmanager
    async def _leaving(self, *tables: str) -> AsyncIterator[None]:
        before = [await self.count(table) for table in tables]
        yield
        assert [await self.count(table) for table in tables] == before

    async def count(self, table: str) -> int:
        async with self.pool.acquire() as connection:
            return int(await connection.fetchval(f"select count(*) from {table}"))


async def make_home(directory: Path, database_url: str, port: int) -> None:
    chosen: dict[str, object] = {
        "environment": ENVIRONMENT,
        "api_port": port,
        "allow_private_webhooks": True,
        "api_processes": 2,
        "retry_base_seconds": 0.05,
        "retry_ceiling_seconds": 0.5,
        "breaker_pause_seconds": 0.1,
        "breaker_ceiling_seconds": 0.5,
    }
    if database_url:
        chosen["database_url"] = database_url
    plan = HomePlan(ENVIRONMENT, "0000000000", ["localhost", "127.0.0.1"], write_file(chosen), database_url)
    await create_home(directory, plan, datetime.now(UTC))


async def apply(home: Path, credentials: Path, ports: dict[str, int], database_url: str) -> None:
    file = write_market(home.parent, ports)
    now = datetime.now(UTC)
    done = await apply_market_to_home(
        home, file, credentials, now, database_url=database_url, allow_private_webhooks=True
    )
    assert not done.rejected


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dip(postgres: EmbeddedPostgres, open_directory: Path) -> AsyncIterator[Dip]:
    name = await create_database(postgres)
    url, port, strict_port = url_of(postgres, name), find_free_port(), find_free_port()
    place = open_directory / "journeys"
    place.mkdir()
    home, credentials = place / "home", place / "credentials"
    await make_home(home, url, port)
    await apply(home, credentials, {}, url)
    processes = [
        # Two on one port: a call is served by either, and neither knows of the other but through the database.
        DipProcess("api", home, place / "api.log"),
        DipProcess("api", home, place / "api-twin.log"),
        DipProcess("api", home, place / "strict-api.log", {**STRICT, "api_port": strict_port}),
        DipProcess("worker", home, place / "worker.log"),
        DipProcess("clock", home, place / "clock.log"),
    ]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stop_all, processes)
        for process in processes:
            process.launch()
        inboxes = {dip_id: Inbox(credentials / dip_id) for dip_id in RECEIVING}
        for inbox in inboxes.values():
            await stack.enter_async_context(inbox.receiver)
        ports = {dip_id: inbox.receiver.port for dip_id, inbox in inboxes.items()}
        await apply(home, credentials, ports, url)
        base = f"https://127.0.0.1:{port}"
        participants = {
            dip_id: await stack.enter_async_context(Participant(credentials / dip_id, base))
            for dip_id in (*ROLES, *PROVIDERS)
        }
        pool = await stack.enter_async_context(open_pool(url, "dip journeys"))
        for process in processes:
            await process.wait_until_ready()
        strict_base = f"https://127.0.0.1:{strict_port}"
        yield Dip(home, credentials, url, pool, base, strict_base, inboxes, participants)
    await drop_database(postgres, name)
    _check_logs(processes)
    for inbox in inboxes.values():
        for batch in inbox.calls:
            assert_described_delivery(batch.body)


async def stop_all(processes: list[DipProcess]) -> None:
    codes = await asyncio.gather(*(process.stop() for process in processes))
    assert codes == [0] * len(processes), "every process ends in good order on SIGTERM"


def _check_logs(processes: list[DipProcess]) -> None:
    """Nothing a participant does may surprise the DIP, nor make it write an MPAN into a log."""
    for process in processes:
        log = process.read_log()
        for word in (
            "call_failed",
            "delivery_broken",
            "expiry_broken",
            "chunk_not_read",
            "library_failed",
            "Traceback",
            "2000000",
        ):
            assert word not in log, f"{word} in the log of the {process.part}: {log[-4000:]}"


@pytest_asyncio.fixture(loop_scope="session")
async def inboxes(dip: Dip) -> AsyncIterator[dict[str, Inbox]]:
    """The participants' inboxes; whatever a test made of their answers ends with it."""
    yield dip.inboxes
    for inbox in dip.inboxes.values():
        inbox.answering = take_all
