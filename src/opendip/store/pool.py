"""Connections to PostgreSQL: one pool a process, one connection for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

COMMAND_SECONDS = 120.0
"""Longer than any statement here takes; a database that hangs is as one that is away."""

DATABASE_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""How it shows that the database is away or refuses; a connection cut off in the midst of its work is the third."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@asynccontextmanager
async def open_pool(url: str, application: str, *, least: int = 1, most: int = 10) -> AsyncIterator[Pool]:
    """A pool that is closed at the end; `application` is how its connections show in pg_stat_activity."""
    async with asyncpg.create_pool(
        url,
        min_size=least,
        max_size=most,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": application},
    ) as pool:
        yield pool


@asynccontextmanager
async def open_connection(url: str, application: str = "dip") -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url, server_settings={"application_name": application})
    try:
        yield connection
    finally:
        with suppress(*DATABASE_FAULTS):
            await connection.close()
