"""The worker's look at the database's clock. Whoever writes times by it looks at it, so that no time goes unseen."""

import asyncio
from datetime import timedelta

import structlog

from opendip.store.clock import follow_database_clock
from opendip.store.pool import DATABASE_FAULTS, Connection, Pool

_INTERVAL_SECONDS = 1.0

log = structlog.get_logger()


async def watch_database_clock(pool: Pool, lease: timedelta) -> None:
    """Until it is cancelled."""
    while True:
        await asyncio.sleep(_INTERVAL_SECONDS)
        try:
            async with pool.acquire() as connection:
                await look_at_database_clock(connection, lease)
        except DATABASE_FAULTS as error:
            log.warning("database_clock_not_read", error=type(error).__name__)


async def look_at_database_clock(connection: Connection, lease: timedelta) -> None:
    step = await follow_database_clock(connection, lease)
    if step:
        log.error("database_clock_put_back", seconds=step.total_seconds())
