"""One turn of one leased queue: batch after batch collected, signed, posted, recorded.

A turn ends when the queue is empty, when something fails, or after a while, so that others have theirs.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from uuid import UUID

import msgspec

from opendip.domain.breakers import State
from opendip.domain.market import STATUS_WEBHOOK, Webhook
from opendip.domain.publications import Wrapper, name_transaction
from opendip.stages.deliver.answers import describe, names_messages, read_answer
from opendip.stages.deliver.batches import (
    Batch,
    Bodies,
    Limits,
    list_chunk_keys,
    list_wanted,
    make_batch,
    make_status_batch,
)
from opendip.stages.deliver.pace import Pace
from opendip.stages.deliver.recording import Recorder, Sent
from opendip.stages.deliver.rules import DeliveryRules
from opendip.stages.deliver.transport import Reply, Transport
from opendip.store.archive import Archive
from opendip.store.breakers import begin_probe, find_rest
from opendip.store.leases import Attempt, LeasedQueue, hold_webhook, postpone_queue
from opendip.store.pool import DATABASE_FAULTS, Connection, Pool
from opendip.store.queues import list_entries, list_status_messages
from opendip.store.submissions import list_submissions
from opendip.store.watch import MarketWatch

_TURN_SECONDS = 2.0
_ENTRIES_READ = 1000
_NO_WEBHOOK = timedelta(seconds=30)
_SHORTLY = timedelta(milliseconds=100)
_FIRST_DAY = date(2000, 1, 2)
_RESPONSE_KEPT = 4000
_RECORDING_SECONDS = 60.0
_RECORDING_PAUSE = 0.25
_FEW_DRAINS = 8
_BACKLOG_AGE = timedelta(minutes=1)
_BACKLOG_REST = 0.3
"""What waits so long already rests so much of the time of each delivery, and leaves it to what is fresh."""


class _About(msgspec.Struct):
    """Of a status message: which transaction it is about."""

    transactionID: str | None = None  # noqa: N815 - the wire's name


_decode_status = msgspec.json.Decoder(_About).decode


@dataclass(frozen=True, slots=True)
class Tools:
    """What all turns of a worker share."""

    worker: UUID
    pool: Pool
    archive: Archive
    transport: Transport
    rules: DeliveryRules
    watch: MarketWatch
    recorder: Recorder
    bodies: Bodies
    pace: Pace
    is_stopping: Callable[[], bool]
    count_drains: Callable[[], int]


class Drain:
    """The turn of one queue."""

    def __init__(self, tools: Tools, queue: LeasedQueue) -> None:
        self._tools = tools
        self._queue = queue
        self._ends_at = monotonic() + _TURN_SECONDS
        self._has_found = False

    async def run(self) -> bool:
        """Whether the lease is still to be given back."""
        if self._queue.breaker != State.CLOSED and not await self._begin_probe():
            return False
        while not self._tools.is_stopping() and monotonic() < self._ends_at:
            webhook = self._find_webhook()
            if webhook is None:
                await self._postpone(_NO_WEBHOOK)
                return False
            began = monotonic()
            batch = await self._find_batch(webhook)
            if batch is None:
                return True
            posting = monotonic()
            if not await self._deliver(webhook, batch):
                return False
            if await self._has_to_wait(webhook, batch, monotonic() - posting):
                return True
            if datetime.now(UTC) - batch.queued_at > _BACKLOG_AGE:
                await asyncio.sleep((monotonic() - began) * _BACKLOG_REST)
        return True

    async def _begin_probe(self) -> bool:
        """While the breaker is open one batch is tried, when its pause is over."""
        queue, rules = self._queue, self._tools.rules
        longest = self._tools.transport.longest + rules.lease
        async with self._tools.pool.acquire() as connection:
            if await begin_probe(connection, queue.dip_id, queue.channel, longest):
                return True
            rest = await find_rest(connection, queue.dip_id, queue.channel)
        await self._postpone(max(rest, _SHORTLY))
        return False

    def _find_webhook(self) -> Webhook | None:
        """None as well when its owner has paused it."""
        webhook = self._tools.watch.get_market().webhooks.get((self._queue.dip_id, self._queue.channel))
        return None if webhook is None or webhook.paused_at is not None else webhook

    async def _postpone(self, wait: timedelta) -> None:
        async with self._tools.pool.acquire() as connection:
            await postpone_queue(connection, self._tools.worker, self._queue, wait)

    def _get_limits(self, webhook: Webhook) -> Limits:
        rules = self._tools.rules
        default, share = rules.limits, rules.bodies_bytes // max(_FEW_DRAINS, self._tools.count_drains())
        counts = (webhook.max_message_count or default.messages, webhook.max_message_rate, self._queue.batch_limit)
        most = min(count for count in counts if count)
        return Limits(most, min(webhook.max_payload_bytes or default.bytes, share))

    async def _find_batch(self, webhook: Webhook) -> Batch | None:
        async with self._tools.pool.acquire() as connection:
            batch = await self._collect(connection, webhook)
            if batch is None and not self._has_found:
                # A queue is leased only when something is in it. Entries dated by a clock that was days ahead hide
                # the later ones: then all days are searched.
                self._queue = self._queue._replace(done_on=_FIRST_DAY)
                batch = await self._collect(connection, webhook)
        self._has_found = True
        await asyncio.sleep(0)
        return batch

    async def _collect(self, connection: Connection, webhook: Webhook) -> Batch | None:
        queue, limits = self._queue, self._get_limits(webhook)
        most = min(limits.messages, _ENTRIES_READ)
        if queue.channel == STATUS_WEBHOOK:
            statuses = await list_status_messages(connection, queue.id, queue.done, queue.done_on, most)
            return make_status_batch(statuses, limits) if statuses else None
        entries = await list_entries(connection, queue.id, queue.done, queue.done_on, most, limits.messages)
        wanted = list_wanted(entries, queue.done, limits.messages)
        if not wanted:
            return None
        found = await self._tools.archive.find_messages(connection, list_chunk_keys(wanted), limits.bytes)
        # Joining and hashing megabytes takes its time; others have had theirs before.
        await asyncio.sleep(0)
        return make_batch(wanted, found, limits, self._tools.bodies)

    async def _deliver(self, webhook: Webhook, batch: Batch) -> bool:
        """One POST and its record; whether the queue may go on."""
        tools, queue = self._tools, self._queue
        attempted_at, began = datetime.now(UTC), monotonic()
        headers = self._sign(webhook, batch)
        with tools.pace.watch(queue.dip_id):
            reply = await tools.transport.post(webhook.url, batch.body.data, headers, batch.message_count)
        duration = timedelta(seconds=monotonic() - began)
        may_go_on = await self._record(batch, reply, attempted_at, duration)
        if may_go_on:
            self._queue = _move_on(queue, batch, reply.status)
        return may_go_on

    async def _record(self, batch: Batch, reply: Reply, attempted_at: datetime, duration: timedelta) -> bool:
        """Again and again while the database is away: an answer that is not lost need not be asked for twice."""
        gives_up_at = monotonic() + _RECORDING_SECONDS
        while True:
            try:
                async with self._tools.pool.acquire() as connection:
                    return await self._record_once(connection, batch, reply, attempted_at, duration)
            except DATABASE_FAULTS:
                if self._tools.is_stopping() or monotonic() > gives_up_at:
                    raise
                await asyncio.sleep(_RECORDING_PAUSE)

    async def _record_once(
        self, connection: Connection, batch: Batch, reply: Reply, attempted_at: datetime, duration: timedelta
    ) -> bool:
        tools, queue = self._tools, self._queue
        transactions = await self._name_messages(connection, batch) if names_messages(reply) else []
        answer = read_answer(reply, transactions)
        response = reply.body[:_RESPONSE_KEPT] if reply.status != 201 and reply.body else None
        positions = (batch.from_position, batch.to_position)
        attempt = Attempt(queue.id, *positions, attempted_at, duration, reply.status, describe(answer), response)
        sent = Sent(queue, batch, transactions, attempt, attempted_at + duration)
        rule = tools.watch.get_market().get_rule(queue.channel)
        return await tools.recorder.record(connection, sent, answer, rule)

    def _sign(self, webhook: Webhook, batch: Batch) -> dict[str, str]:
        queue = self._queue
        headers = self._tools.rules.credentials.sign(
            "POST", webhook.url, b"", datetime.now(UTC), content_hash=batch.body.content_hash
        )
        recipient = f"{queue.dip_id};{queue.role}" if queue.role else queue.dip_id
        return {**headers, "X-DIP-MPO": recipient}

    async def _name_messages(self, connection: Connection, batch: Batch) -> list[str]:
        if batch.statuses:
            return [_decode_status(status.entry).transactionID or "" for status in batch.statuses]
        keys = {(w.entry.submission, w.entry.accepted_on) for w in batch.wanted}
        submissions = await list_submissions(connection, keys)
        wrappers: dict[int, Wrapper] = {n: self._tools.archive.wrap(s) for n, s in submissions.items()}
        return [
            name_transaction(
                wrappers[wanted.entry.submission], published.sender, wanted.message_index, wanted.entry.replay
            )
            for wanted, published in zip(batch.wanted, batch.published, strict=True)
        ]

    async def _has_to_wait(self, webhook: Webhook, batch: Batch, seconds: float) -> bool:
        """Whether its rate makes the webhook wait from now on (FS 5.5: participants process at their own speed)."""
        if webhook.max_message_rate is None:
            return False
        rest = batch.message_count / webhook.max_message_rate - seconds
        if rest <= 0:
            return False
        async with self._tools.pool.acquire() as connection:
            await hold_webhook(connection, self._queue.dip_id, self._queue.channel, timedelta(seconds=rest))
        return True


def _move_on(queue: LeasedQueue, batch: Batch, status: int | None) -> LeasedQueue:
    if status == 413:
        return queue._replace(batch_limit=batch.message_count // 2)
    return queue._replace(done=batch.to_position, done_on=batch.done_on, failures=0, breaker=State.CLOSED.value)
