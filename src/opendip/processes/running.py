"""What every process does alike: its settings, its log, its database, its end on SIGTERM."""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
import uvloop

from opendip.operations.homes import check_environment, get_home, reach_database
from opendip.settings import Settings, load_settings
from opendip.store.migrations import check_version
from opendip.store.pool import open_connection

_FILES = 65_536

Main = Callable[[Settings, str, asyncio.Event], Coroutine[Any, Any, None]]
"""A process: its settings, the URL of its database, and the event that ends it."""


def run_process(home: Path, main: Main) -> None:
    """Runs until SIGTERM or SIGINT, then lets it finish what is in flight."""
    settings = load_settings(get_home(home).directory, os.environ)
    check_environment(get_home(home), settings.environment)
    configure_log()
    with reach_database(settings.home, settings.database_url) as url:
        uvloop.run(_run(main, settings, url))


async def _run(main: Main, settings: Settings, url: str) -> None:
    stop = asyncio.Event()
    _allow_many_files()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What is made at start lives for ever; a batch makes thousands of objects that are gone when it is done.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    async with open_connection(url) as connection:
        await check_version(connection, settings.home)
    await main(settings, url, stop)


def _allow_many_files() -> None:
    """As many connections as the system grants; many begin with 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


class _Passing(logging.Handler):
    """What libraries log goes where all else goes. Of an error the trace alone, for its text may be personal."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            log.log(record.levelno, "library_says", library=record.name, text=record.getMessage())
            return
        trace = traceback.format_tb(error.__traceback__)
        log.log(record.levelno, "library_failed", library=record.name, error=type(error).__name__, trace=trace)


def configure_log() -> None:
    """JSON, a line an event, to standard error; UTC."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Passing()])
    # While the database is away the pool tells of it with traces; each process says so in a line of its own.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


async def run_beside(stop: asyncio.Event, *tasks: Awaitable[None]) -> None:
    """Runs background tasks until the stop; one that fails is an error of the whole process."""
    running_tasks = [asyncio.ensure_future(task) for task in tasks]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({stopping, *running_tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        for task in (stopping, *running_tasks):
            task.cancel()
        await asyncio.gather(stopping, *running_tasks, return_exceptions=True)


async def wait_for(stop: asyncio.Event, seconds: float) -> bool:
    """Sleeps; answers at once, and True, when it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
