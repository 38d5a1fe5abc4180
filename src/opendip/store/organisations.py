"""Organisations: the companies that DIP ids, certificates and API keys belong to."""

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


async def ensure_organisation(connection: Connection, name: str) -> int:
    """Add the organisation unless it is there; answers its number."""
    number: int = await connection.fetchval(load_queries("organisations")["ensure_organisation"], name)
    return number
