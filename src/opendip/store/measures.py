"""What the database says of itself: sizes on disk, settings in force, when submissions were accepted."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


async def list_table_sizes(connection: Connection) -> dict[str, int]:
    """Bytes by table, with indexes; the partitions of a table are summed under its name."""
    rows = await connection.fetch(load_queries("measures")["list_table_sizes"])
    return {row["name"]: row["bytes"] for row in rows}


async def list_acceptances(connection: Connection, submissions: Iterable[int]) -> dict[int, datetime]:
    rows = await connection.fetch(load_queries("measures")["list_acceptances"], list(submissions))
    return {row["id"]: row["accepted_at"] for row in rows}


async def get_log_position(connection: Connection) -> int:
    """Bytes of write-ahead log since the beginning."""
    position: int = await connection.fetchval(load_queries("measures")["get_log_position"])
    return position


async def list_settings(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    rows = await connection.fetch(load_queries("measures")["list_settings"], list(names))
    return {row["name"]: row["value"] for row in rows}


async def count_unrouted(connection: Connection) -> int:
    """How many submissions wait to be routed."""
    count: int = await connection.fetchval(load_queries("measures")["count_unrouted"])
    return count
