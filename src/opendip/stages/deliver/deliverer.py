"""Delivering: queues leased, as many at a time as there is room for, each drained by a task of its own.

A worker that dies leaves its leases to run out; another goes on from what was recorded. So a message may arrive
twice (it has the same transaction id then), and none is lost.
"""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import structlog

from opendip.stages.deliver.batches import Bodies
from opendip.stages.deliver.drain import Drain, Tools
from opendip.stages.deliver.pace import Pace
from opendip.stages.deliver.recording import Recorder
from opendip.stages.deliver.rules import DeliveryRules
from opendip.stages.deliver.transport import Transport
from opendip.store.archive import Archive
from opendip.store.leases import (
    LeasedQueue,
    claim_queues,
    release_queue,
    renew_leases,
)
from opendip.store.pool import DATABASE_FAULTS, Connection, Pool
from opendip.store.watch import MarketWatch

_RENEWALS_IN_A_LEASE = 4
_FAILING_SECONDS = 0.2
"""How often it is looked for queues that failed last and are due again."""

log = structlog.get_logger()


class Deliverer:
    """Delivers for one worker: each leased queue by a task of its own, so a slow recipient delays no other."""

    def __init__(
        self,
        worker: UUID,
        pool: Pool,
        archive: Archive,
        transport: Transport,
        rules: DeliveryRules,
        watch: MarketWatch,
    ) -> None:
        self._worker = worker
        self._pool = pool
        self._rules = rules
        self._watch = watch
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._recipients: dict[int, str] = {}
        self._failing: set[int] = set()
        self._failing_at = 0.0
        self._is_stopping = False
        self._tools = Tools(
            *(worker, pool, archive, transport, rules, watch, Recorder(worker, rules), Bodies(), Pace(monotonic)),
            is_stopping=lambda: self._is_stopping,
            count_drains=lambda: len(self._tasks),
        )

    async def start_due(self) -> int:
        """Leases what is due, as far as there is room, and begins to deliver it; answers how many queues."""
        if self._is_stopping or len(self._tasks) >= self._rules.concurrency:
            return 0
        async with self._pool.acquire() as connection:
            queues = await self._claim(connection)
            if queues:
                # A queue may be due because its webhook has just been set.
                await self._watch.read_market(connection)
        for queue in queues:
            task = asyncio.create_task(self._drain(queue))
            self._tasks[queue.id], self._recipients[queue.id] = task, queue.dip_id
            task.add_done_callback(lambda ended, number=queue.id: self._forget(number, ended))  # type: ignore[misc]
        return len(queues)

    def _forget(self, queue: int, task: asyncio.Task[None]) -> None:
        # A queue that was given back may be leased again before the task that gave it back has ended.
        if self._tasks.get(queue) is task:
            del self._tasks[queue], self._recipients[queue]

    async def _claim(self, connection: Connection) -> list[LeasedQueue]:
        """Queues that deliver come first, so that webhooks that fail or hang hold up nobody else's."""
        slow = self._tools.pace.list_slow()
        room = self._rules.concurrency - len(self._tasks)
        queues = await self._claim_those(connection, room, slow, are_weak=False)
        self._failing &= self._tasks.keys()
        weak = self._failing | {queue for queue, dip_id in self._recipients.items() if dip_id in slow}
        room = min(room - len(queues), self._rules.concurrency // 2 - len(weak))
        if room > 0 and monotonic() >= self._failing_at:
            self._failing_at = monotonic() + _FAILING_SECONDS
            failing = await self._claim_those(connection, room, slow, are_weak=True)
            self._failing |= {queue.id for queue in failing}
            queues += failing
        return queues

    async def _claim_those(
        self, connection: Connection, most: int, slow: Collection[str], *, are_weak: bool
    ) -> list[LeasedQueue]:
        return await claim_queues(
            connection,
            self._worker,
            self._rules.lease,
            most,
            self._recipients,
            are_weak,
            slow=slow,
            most_of_recipient=self._rules.recipient_concurrency,
            dip_id=self._rules.dip_id,
        )

    async def keep_leases(self) -> None:
        """Runs beside the deliveries: while an answer is slow, the lease stays."""
        while True:
            await asyncio.sleep(self._rules.lease.total_seconds() / _RENEWALS_IN_A_LEASE)
            if not self._tasks:
                continue
            try:
                async with self._pool.acquire() as connection:
                    await renew_leases(connection, self._worker, self._rules.lease)
            except DATABASE_FAULTS as error:
                log.warning("leases_not_renewed", error=type(error).__name__)

    async def stop(self) -> None:
        """Finishes the POSTs under way, records their answers, and gives the leases back."""
        self._is_stopping = True
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _drain(self, queue: LeasedQueue) -> None:
        try:
            if await Drain(self._tools, queue).run():
                async with self._pool.acquire() as connection:
                    await release_queue(connection, self._worker, queue.id)
        except DATABASE_FAULTS as error:
            # The queue stays leased, and is taken up again as soon as the database is back.
            log.warning("delivery_interrupted", queue=queue.id, channel=queue.channel, error=type(error).__name__)
        except Exception as error:
            await self._tools.recorder.record_break(self._pool, queue, type(error).__name__, datetime.now(UTC))
