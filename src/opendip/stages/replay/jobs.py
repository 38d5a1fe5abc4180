"""Requeues in the background: one page a transaction, so that whoever is killed leaves nothing half done.

What a page puts on queues commits together with how far the job has come.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from opendip.domain.market import STATUS_WEBHOOK
from opendip.store.alarms import AlarmKind, raise_alarm
from opendip.store.pool import Connection, Pool
from opendip.store.requeue_jobs import RequeueJob, claim_job, fail_job, keep_page, keep_total

_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    OSError,
)
"""Failures of the database's, not of the job's: the page is done again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PageDone:
    """What a page came to: where the next begins, how many of the job's total it has dealt with."""

    reached: Mapping[str, Any]
    processed: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Requeueing:
    """How the jobs of some channels are done. Both run in the transaction that holds the job."""

    count: Callable[[Connection, RequeueJob], Awaitable[int]]
    """How much there is to do in all."""
    requeue_page: Callable[[Connection, RequeueJob, datetime], Awaitable[PageDone]]
    """Puts the next page on its queues. `job.reached` is what the page before answered; at first it is empty."""


class RequeueRunner:
    """Does the jobs of one worker."""

    def __init__(self, messages: Requeueing, statuses: Requeueing) -> None:
        self._messages = messages
        self._statuses = statuses
        self._at: RequeueJob | None = None
        """The job that the page is of."""

    async def run_page(self, pool: Pool, now: datetime) -> bool:
        """One page of one job; False when there is no job. Raises what passes, such as a database that is away."""
        self._at = None
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await self._run_page(connection, now)
        except _PASSING:
            raise
        except Exception as error:
            if self._at is None:
                raise
            await self._fail(pool, self._at, error, now)
            return True

    async def _run_page(self, connection: Connection, now: datetime) -> bool:
        self._at = job = await claim_job(connection)
        if job is None:
            return False
        how = self._statuses if job.channel == STATUS_WEBHOOK else self._messages
        if job.reached is None:
            await keep_total(connection, job.id, await how.count(connection, job))
            return True
        page = await how.requeue_page(connection, job, now)
        await keep_page(connection, job.id, page.reached, page.processed, now, is_last=page.is_last)
        return True

    async def _fail(self, pool: Pool, job: RequeueJob, error: Exception, now: datetime) -> None:
        """What it has queued so far stays queued; the rest can be asked for again."""
        failure = type(error).__name__
        log.error("requeue_failed", job=str(job.id), channel=job.channel, error=failure)
        async with pool.acquire() as connection, connection.transaction():
            await fail_job(connection, job.id, failure, now)
            text = f"A requeue of {job.channel} for {job.dip_id} has failed after {job.processed} messages: {failure}."
            await raise_alarm(connection, AlarmKind.REQUEUE_FAILED, f"{job.dip_id} {job.channel}", text, now)
