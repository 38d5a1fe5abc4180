"""The shape of the database, forward only: Alembic orders the steps and writes their SQL, asyncpg runs it."""

import asyncio
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from opendip.domain.problems import Problem

# Alembic and its SQLAlchemy are imported where they are needed: the processes that serve are smaller for it.
if TYPE_CHECKING:
    from alembic.config import Config

    from opendip.store.pool import Connection

# Any number of processes may start at once; the first does the work and the others find it done.
_LOCK = 0x0D19_0001
_OLDEST_POSTGRES = 16


class OtherVersion(Problem):
    """The tables are older or newer than the software."""


async def migrate(url: str) -> str:
    """Bring the database to the newest version, all or nothing; answers that version."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "dip migrate"})
    try:
        major = connection.get_server_version().major
        if major < _OLDEST_POSTGRES:
            raise OtherVersion(f"The server is PostgreSQL {major}; OpenDIP needs {_OLDEST_POSTGRES} or later.")
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            current = await _find_version(connection)
            newest = find_newest()
            if current != newest:
                await connection.execute(await asyncio.to_thread(write_sql, current))
            return newest
    finally:
        await connection.close()


async def check_version(connection: "Connection", home: Path) -> None:
    """Raise `OtherVersion` when the database is not as this software makes it."""
    # The files are named for their versions; Alembic is not loaded for this.
    newest = max(path.stem for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
    current = await _find_version(connection)
    if current != newest:
        raise OtherVersion(
            f"The database is at version {current or 'none'}, and this software needs {newest}. "
            f"Bring it up to date: dip init --home {home}"
        )


async def _find_version(connection: "Connection") -> str | None:
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return None
    version: str | None = await connection.fetchval("select version_num from alembic_version")
    return version


def find_newest() -> str:
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory.from_config(_configure(StringIO())).get_current_head()
    assert newest is not None
    return newest


def write_sql(current: str | None) -> str:
    """The SQL from a version (None: an empty database) to the newest one."""
    from alembic import command

    text = StringIO()
    command.upgrade(_configure(text), f"{current or 'base'}:head", sql=True)
    return text.getvalue()


def _configure(text: StringIO) -> "Config":
    from alembic.config import Config

    config = Config(output_buffer=text)
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
