"""Delivering: queues leased, batch after batch posted, every answer recorded before the next.

A worker that dies leaves its leases to run out; another goes on from what was recorded. So a message may arrive
twice (it has the same transaction id then), and none is lost.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import structlog

from opendip.client.credentials import Credentials
from opendip.domain.market import STATUS_WEBHOOK, Webhook
from opendip.domain.publications import Wrapper, name_transaction
from opendip.stages.deliver.answers import Answer, PartlyDelivered, Undelivered, read_answer
from opendip.stages.deliver.batches import (
    Batch,
    Bodies,
    Limits,
    list_chunk_keys,
    list_wanted,
    make_batch,
    make_status_batch,
)
from opendip.stages.deliver.refusals import keep_partial_delivery
from opendip.stages.deliver.transport import Reply, Transport
from opendip.store.archive import Archive
from opendip.store.pool import DATABASE_FAULTS, Connection, Pool
from opendip.store.queues import (
    Attempt,
    LeasedQueue,
    claim_queues,
    list_entries,
    list_status_messages,
    postpone_queue,
    record_delivery,
    record_failure,
    release_queue,
    renew_leases,
)
from opendip.store.submissions import list_submissions
from opendip.store.watch import MarketWatch

_LEASE = timedelta(seconds=20)
_RENEWAL_SECONDS = 5.0
_AFTER_AN_ERROR = timedelta(seconds=5)
_ENTRIES_READ = 1000
_NO_WEBHOOK = timedelta(seconds=30)
_RESPONSE_KEPT = 4000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """What the operator sets for delivering, and whose name the DIP signs in."""

    credentials: Credentials
    limits: Limits
    """For recipients that set none."""
    retry_base: timedelta
    retry_ceiling: timedelta
    ticket_url: str | None = None
    concurrency: int = 128
    """Queues delivered at a time; those whose last delivery failed take up half of them at most."""


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
        self._archive = archive
        self._transport = transport
        self._rules = rules
        self._watch = watch
        self._bodies = Bodies()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failing: set[int] = set()
        self._is_stopping = False
        self._random = random.SystemRandom()

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
            self._tasks[queue.id] = task
            task.add_done_callback(lambda _, number=queue.id: self._tasks.pop(number, None))  # type: ignore[misc]
        return len(queues)

    async def _claim(self, connection: Connection) -> list[LeasedQueue]:
        """Queues that deliver come first, so that webhooks that hang hold up nobody else's."""
        busy = list(self._tasks)
        room = self._rules.concurrency - len(busy)
        queues = await claim_queues(connection, self._worker, _LEASE, room, busy, has_failed=False)
        self._failing &= self._tasks.keys()
        room = min(room - len(queues), self._rules.concurrency // 2 - len(self._failing))
        if room > 0:
            failing = await claim_queues(connection, self._worker, _LEASE, room, busy, has_failed=True)
            self._failing |= {queue.id for queue in failing}
            queues += failing
        return queues

    async def keep_leases(self) -> None:
        """Runs beside the deliveries: while an answer is slow, the lease stays."""
        while True:
            await asyncio.sleep(_RENEWAL_SECONDS)
            if not self._tasks:
                continue
            try:
                async with self._pool.acquire() as connection:
                    await renew_leases(connection, self._worker, _LEASE)
            except DATABASE_FAULTS as error:
                log.warning("leases_not_renewed", error=type(error).__name__)

    async def stop(self) -> None:
        """Finishes the POSTs under way, records their answers, and gives the leases back."""
        self._is_stopping = True
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _drain(self, queue: LeasedQueue) -> None:
        try:
            if await self._deliver_all(queue):
                async with self._pool.acquire() as connection:
                    await release_queue(connection, self._worker, queue.id)
        except DATABASE_FAULTS as error:
            # The queue stays leased, and is taken up again as soon as the database is back.
            log.warning("delivery_interrupted", queue=queue.id, channel=queue.channel, error=type(error).__name__)
        except Exception as error:
            log.error("delivery_broken", queue=queue.id, channel=queue.channel, error=type(error).__name__)
            async with self._pool.acquire() as connection:
                await postpone_queue(connection, self._worker, queue, _AFTER_AN_ERROR)

    async def _deliver_all(self, queue: LeasedQueue) -> bool:
        """Until the queue is empty or something fails; whether the lease is still to be given back."""
        done, done_on = queue.done, queue.done_on
        while not self._is_stopping:
            webhook = self._watch.get_market().webhooks.get((queue.dip_id, queue.channel))
            if webhook is None:
                async with self._pool.acquire() as connection:
                    await postpone_queue(connection, self._worker, queue, _NO_WEBHOOK)
                return False
            async with self._pool.acquire() as connection:
                batch = await self._collect(connection, queue._replace(done=done, done_on=done_on), webhook)
            if batch is None:
                return True
            if not await self._deliver(queue, webhook, batch):
                return False
            done, done_on = batch.to_position, batch.done_on
        return True

    async def _collect(self, connection: Connection, queue: LeasedQueue, webhook: Webhook) -> Batch | None:
        limits = Limits(
            webhook.max_message_count or self._rules.limits.messages,
            webhook.max_payload_bytes or self._rules.limits.bytes,
        )
        most = min(limits.messages, _ENTRIES_READ)
        if queue.channel == STATUS_WEBHOOK:
            statuses = await list_status_messages(connection, queue.id, queue.done, queue.done_on, most)
            return make_status_batch(statuses, limits) if statuses else None
        entries = await list_entries(connection, queue.id, queue.done, queue.done_on, most)
        wanted = list_wanted(entries, queue.done, limits.messages)
        if not wanted:
            return None
        chunks = await self._archive.find_chunks(connection, list_chunk_keys(wanted))
        return make_batch(wanted, chunks, limits, self._bodies)

    async def _deliver(self, queue: LeasedQueue, webhook: Webhook, batch: Batch) -> bool:
        """One POST and its record; whether the queue may go on."""
        attempted_at, began = datetime.now(UTC), monotonic()
        reply = await self._transport.post(webhook.url, batch.body.data, self._sign(queue, webhook, batch))
        duration = timedelta(seconds=monotonic() - began)
        async with self._pool.acquire() as connection:
            transactions = await self._name_transactions(connection, batch) if reply.status == 207 else []
            answer = read_answer(reply, transactions)
            attempt = _describe(queue, batch, attempted_at, duration, reply, answer)
            match answer:
                case Undelivered():
                    await self._record_failure(connection, queue, attempt, answer)
                    return False
                case PartlyDelivered():
                    return await keep_partial_delivery(
                        connection,
                        self._worker,
                        queue,
                        batch,
                        transactions,
                        answer,
                        attempt,
                        _LEASE,
                        self._rules.ticket_url,
                    )
                case _:
                    return await record_delivery(connection, self._worker, attempt, batch.done_on, _LEASE)

    def _sign(self, queue: LeasedQueue, webhook: Webhook, batch: Batch) -> dict[str, str]:
        headers = self._rules.credentials.sign(
            "POST", webhook.url, b"", datetime.now(UTC), content_hash=batch.body.content_hash
        )
        recipient = f"{queue.dip_id};{queue.role}" if queue.role else queue.dip_id
        return {**headers, "X-DIP-MPO": recipient}

    async def _name_transactions(self, connection: Connection, batch: Batch) -> list[str]:
        keys = {(w.entry.submission, w.entry.accepted_on) for w in batch.wanted}
        submissions = await list_submissions(connection, keys)
        wrappers: dict[int, Wrapper] = {n: self._archive.wrap(s) for n, s in submissions.items()}
        return [
            name_transaction(wrappers[wanted.entry.submission], published.sender, wanted.message_index)
            for wanted, published in zip(batch.wanted, batch.published, strict=True)
        ]

    async def _record_failure(
        self, connection: Connection, queue: LeasedQueue, attempt: Attempt, answer: Undelivered
    ) -> None:
        # E2E 4.6.3: exponential back-off up to a maximum; full jitter keeps many queues from coming back at once.
        ceiling = min(self._rules.retry_ceiling, self._rules.retry_base * 2 ** min(queue.failures, 30))
        wait = ceiling * self._random.uniform(0.1, 1.0)
        log.warning(
            "delivery_failed",
            recipient=queue.dip_id,
            role=queue.role,
            channel=queue.channel,
            reason=answer.reason,
            again_in_seconds=round(wait.total_seconds(), 1),
        )
        await record_failure(connection, self._worker, attempt, wait, queue.due_at)


def _describe(
    queue: LeasedQueue,
    batch: Batch,
    attempted_at: datetime,
    duration: timedelta,
    reply: Reply,
    answer: Answer,
) -> Attempt:
    outcome = answer.reason if isinstance(answer, Undelivered) else type(answer).__name__.lower()
    response = reply.body[:_RESPONSE_KEPT] if reply.status != 201 and reply.body else None
    positions = (batch.from_position, batch.to_position)
    return Attempt(queue.id, *positions, attempted_at, duration, reply.status, outcome, response)
