"""API keys: what a DIP id proves itself with. Only their digest is kept; one that is lost is issued anew."""

import hashlib
import secrets
from datetime import datetime

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


def generate_api_key() -> str:
    """A new key: 43 characters from the system's source of secrets."""
    return secrets.token_urlsafe(32)


def hash_api_key(key: str) -> str:
    """How the store and the picture of the market know a key: SHA-256, hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add_api_key(connection: Connection, key: str, dip_id: str, now: datetime) -> None:
    await connection.execute(load_queries("api_keys")["add_api_key"], hash_api_key(key), dip_id, now)


async def revoke_api_keys(connection: Connection, dip_id: str, now: datetime) -> int:
    """Make every key of a DIP id useless; answers how many were in use."""
    return len(await connection.fetch(load_queries("api_keys")["revoke_api_keys"], dip_id, now))
