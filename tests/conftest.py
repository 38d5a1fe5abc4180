"""What tests share: one PostgreSQL for the whole run, and a fresh migrated database for each module."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from opendip.store.embedded import DATABASE, EmbeddedPostgres
from opendip.store.migrations import migrate
from opendip.store.pool import Connection, Pool, open_pool

# A test's database has nothing to lose: it need not wait for the disk.
SMALL_SERVER = {
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A short directory that PostgreSQL's own user can reach; root's pytest keeps its own closed."""
    directory = Path(tempfile.mkdtemp(prefix="opendip-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(open_directory: Path) -> Iterator[EmbeddedPostgres]:
    """The server of this run; its database `dip` is migrated and only ever copied."""
    server = EmbeddedPostgres(open_directory / "postgres-of-tests", SMALL_SERVER)
    server.create()
    server.start()
    try:
        asyncio.run(migrate(server.url))
        yield server
    finally:
        server.stop()


def url_of(postgres: EmbeddedPostgres, database: str) -> str:
    return postgres.url.replace(f"/{DATABASE}?", f"/{database}?")


async def create_database(postgres: EmbeddedPostgres, template: str = DATABASE) -> str:
    """A new database as the migrations leave it (or `template0`: an empty one); answers its name."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _administer(postgres, f"create database {name} template {template}")
    return name


async def drop_database(postgres: EmbeddedPostgres, name: str) -> None:
    await _administer(postgres, f"drop database {name} with (force)")


async def _administer(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(url_of(postgres, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A migrated database shared by the tests of one module."""
    name = await create_database(postgres)
    yield url_of(postgres, name)
    await drop_database(postgres, name)


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A migrated database for one test alone."""
    name = await create_database(postgres)
    yield url_of(postgres, name)
    await drop_database(postgres, name)


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database that has seen no migration."""
    name = await create_database(postgres, "template0")
    yield url_of(postgres, name)
    await drop_database(postgres, name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, "dip tests") as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="session")
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection
