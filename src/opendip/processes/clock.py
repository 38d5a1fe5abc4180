"""`dip clock`: what time makes necessary. Any number may run; one is active at a time."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import structlog

from opendip.operations.authority import load_authorities, renew_crl
from opendip.operations.homes import get_home
from opendip.processes.database_clock import look_at_database_clock
from opendip.processes.running import run_process, wait_for
from opendip.settings import Settings
from opendip.store.alarms import remind_of_stopped_queues
from opendip.store.clock import ensure_partitions, try_become_clock
from opendip.store.pool import DATABASE_FAULTS, Connection, open_connection
from opendip.store.submissions import forget_answers

_INTERVAL_SECONDS = 600.0
_RETRY_SECONDS = 5.0
_LOOK_SECONDS = 2.0
"""How often it looks at the database's clock; and so, how soon it knows that it is the active one no longer."""
_DAYS_AHEAD = timedelta(days=14)
_REFERENCE_DAYS_BEHIND = timedelta(days=31)
_LIST_AGE = timedelta(days=1)

log = structlog.get_logger()


def run_clock(home: Path) -> None:
    """Ticks until SIGTERM."""
    run_process(home, _main)


async def _main(settings: Settings, database_url: str, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            async with open_connection(database_url, "dip clock") as connection:
                await _tick_while_active(connection, settings, stop)
        except DATABASE_FAULTS as error:
            log.error("database_away", error=type(error).__name__)
            await wait_for(stop, _RETRY_SECONDS)


async def _tick_while_active(connection: Connection, settings: Settings, stop: asyncio.Event) -> None:
    while not await try_become_clock(connection):
        if await wait_for(stop, _RETRY_SECONDS):
            return
    log.info("clock_active")
    ticks_at = monotonic()
    while not stop.is_set():
        await look_at_database_clock(connection, timedelta(seconds=settings.lease_seconds))
        if monotonic() >= ticks_at:
            await _tick(connection, settings, datetime.now(UTC))
            ticks_at += _INTERVAL_SECONDS
        await wait_for(stop, _LOOK_SECONDS)


async def _tick(connection: Connection, settings: Settings, now: datetime) -> None:
    today = now.date()
    made = await ensure_partitions(
        connection, today - timedelta(days=1), today - _REFERENCE_DAYS_BEHIND, today + _DAYS_AHEAD
    )
    # Twice the tolerance: a signature may be dated as far ahead as behind.
    await forget_answers(connection, now - 2 * timedelta(seconds=settings.signature_tolerance_seconds))
    await remind_of_stopped_queues(connection, now)
    renewed = _renew_revocation_lists(settings.home, now)
    log.info("clock_ticked", partitions=made, revocation_lists=renewed)


def _renew_revocation_lists(directory: Path, now: datetime) -> int:
    """Long before they are out of date: with an old list nobody would be trusted."""
    home = get_home(directory)
    renewed = 0
    for authority, path in zip(load_authorities(home.authorities), home.revocation_lists, strict=True):
        if now.timestamp() - path.stat().st_mtime > _LIST_AGE.total_seconds():
            renew_crl(authority, now)
            renewed += 1
    return renewed
