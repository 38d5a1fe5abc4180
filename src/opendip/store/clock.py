"""What time makes necessary in the store: partitions for the days to come, one clock at a time, and that it goes on."""

from datetime import date, timedelta

from opendip.store.pool import Connection
from opendip.store.queries import load_queries

_CLOCK_LOCK = 0x0D1B_C10C
_NEVER_PUT_BACK = timedelta(seconds=1)


async def try_become_clock(connection: Connection) -> bool:
    """Whether this connection now holds the one lock of the active clock, until it closes."""
    return bool(await connection.fetchval(load_queries("clock")["try_lock"], _CLOCK_LOCK))


async def ensure_partitions(connection: Connection, first: date, first_of_references: date, last: date) -> int:
    """Makes the partitions of the days from the first to the last; answers how many were missing."""
    query = load_queries("clock")["ensure_partitions"]
    return int(await connection.fetchval(query, first, first_of_references, last))


async def follow_database_clock(connection: Connection, lease: timedelta) -> timedelta:
    """Answers by how much the database's clock has been put back since this was last called, if it was.

    Leases, pauses and breakers would last so much longer then, an hour perhaps; they are put back as well. `lease`:
    how long leases are.
    """
    queries = load_queries("clock")
    async with connection.transaction():
        step: timedelta = await connection.fetchval(queries["look_at_clock"])
        if step <= _NEVER_PUT_BACK:
            return timedelta(0)
        await connection.execute(queries["put_queues_back"], step, lease)
        for name in ("put_breakers_back", "put_intake_back"):
            await connection.execute(queries[name], step)
        return step
