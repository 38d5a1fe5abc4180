"""Reaching the database of a home for one command."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from opendip.cli.options import load_home_settings

if TYPE_CHECKING:
    from opendip.store.pool import Connection

Answer = TypeVar("Answer")


def ask_database(home: Path, command: str, question: "Callable[[Connection], Awaitable[Answer]]") -> Answer:
    """What the question answers. The home's own database is started when it is not up, and stopped again."""
    from opendip.operations.homes import reach_database
    from opendip.store.pool import open_connection

    settings = load_home_settings(home)

    async def ask(url: str) -> Answer:
        async with open_connection(url, command) as connection:
            return await question(connection)

    with reach_database(settings.home, settings.database_url) as url:
        return asyncio.run(ask(url))
