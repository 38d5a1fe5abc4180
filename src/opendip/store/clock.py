"""What time makes necessary in the store: partitions for the days to come, and one clock at a time."""

from datetime import date

from opendip.store.pool import Connection
from opendip.store.queries import load_queries

_CLOCK_LOCK = 0x0D1B_C10C


async def try_become_clock(connection: Connection) -> bool:
    """Whether this connection now holds the one lock of the active clock, until it closes."""
    return bool(await connection.fetchval(load_queries("clock")["try_lock"], _CLOCK_LOCK))


async def ensure_partitions(connection: Connection, first: date, first_of_references: date, last: date) -> int:
    """Makes the partitions of the days from the first to the last; answers how many were missing."""
    query = load_queries("clock")["ensure_partitions"]
    return int(await connection.fetchval(query, first, first_of_references, last))
