"""The worker's loop that does requeues in the background."""

import asyncio
from datetime import UTC, datetime

import structlog

from opendip.processes.running import wait_for
from opendip.settings import Settings
from opendip.stages.replay import STATUSES, RequeueRunner, prepare_messages
from opendip.store.pool import DATABASE_FAULTS, Pool

_IDLE_SECONDS = 0.5
_AWAY_SECONDS = 1.0

log = structlog.get_logger()


async def requeue_messages(settings: Settings, pool: Pool, stop: asyncio.Event) -> None:
    """Until the stop; a page that was begun is done or undone whole."""
    runner = RequeueRunner(prepare_messages(settings.requeued_at_a_time), STATUSES)
    while not stop.is_set():
        try:
            has_worked = await runner.run_page(pool, datetime.now(UTC))
        except DATABASE_FAULTS as error:
            log.error("database_away", error=type(error).__name__)
            await wait_for(stop, _AWAY_SECONDS)
            continue
        if not has_worked:
            await wait_for(stop, _IDLE_SECONDS)
