"""What came of a POST, recorded before the next goes: progress, status messages, back-off, breaker, alarms together.

E2E 4.6.6.1: what was refused is reported to its sender, what was not mentioned is queued again.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import structlog

from opendip.domain import breakers
from opendip.domain.breakers import State
from opendip.domain.market import STATUS_WEBHOOK, ChannelRule
from opendip.domain.references import strip_replay_prefix
from opendip.domain.statuses import Subject, encode_status
from opendip.stages.deliver.answers import (
    Answer,
    Delivered,
    PartlyDelivered,
    Reason,
    Refused,
    Stopping,
    TooLarge,
    Undelivered,
)
from opendip.stages.deliver.batches import Batch, Wanted
from opendip.stages.deliver.rules import DeliveryRules
from opendip.store.alarms import AlarmKind, clear_alarms, raise_alarm
from opendip.store.breakers import close_breaker, find_now, keep_breaker, lock_breaker
from opendip.store.dead_letters import Kind, NewDeadLetter, Owner, keep_dead_letters
from opendip.store.leases import (
    OWN_FAULT,
    Attempt,
    LeasedQueue,
    Recorded,
    hold_webhook,
    record_delivery,
    record_failure,
    record_holes,
    record_limit,
    record_stop,
    release_queue,
)
from opendip.store.pool import Connection, Pool
from opendip.store.queues import NewEntry, QueueName, append_entries, list_queues

_AFTER_A_BREAK = timedelta(seconds=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sent:
    """One POST: from which queue, what, when and how it went."""

    queue: LeasedQueue
    batch: Batch
    transactions: Sequence[str]
    """The transaction ids of the batch, as delivered, where the answer speaks of single messages; else empty."""
    attempt: Attempt
    ended_at: datetime

    @property
    def subject(self) -> str:
        """What alarms about this webhook are about."""
        return f"{self.queue.dip_id} {self.queue.channel}"


class Recorder:
    """Records for one worker."""

    def __init__(self, worker: UUID, rules: DeliveryRules) -> None:
        self._worker = worker
        self._rules = rules
        self._random = random.SystemRandom()

    async def record(self, connection: Connection, sent: Sent, answer: Answer, rule: ChannelRule) -> bool:
        """Whether the queue may go on at once; if not, its lease is given back or lost."""
        match answer:
            case Delivered():
                return await self._record_delivery(connection, sent)
            case PartlyDelivered():
                async with connection.transaction():
                    return await self._record_partly(connection, sent, answer, rule)
            case Refused():
                async with connection.transaction():
                    return await self._record_refused(connection, sent, answer)
            case TooLarge():
                return await self._record_too_large(connection, sent)
            case Stopping():
                return await self._record_stop(connection, sent, answer.reason)
            case Undelivered():
                return await self._record_failure(connection, sent, answer, rule)
            case _:
                assert_never(answer)

    async def _record_delivery(self, connection: Connection, sent: Sent) -> bool:
        if sent.queue.failures == 0 and sent.queue.breaker == State.CLOSED:
            return await self._advance(connection, sent) is Recorded.KEPT
        async with connection.transaction():
            return await self._advance(connection, sent) is Recorded.KEPT and await self._heal(connection, sent)

    async def _advance(self, connection: Connection, sent: Sent) -> Recorded:
        done_on, lease = sent.batch.done_on, self._rules.lease
        recorded = await record_delivery(connection, self._worker, sent.queue, sent.attempt, done_on, lease)
        if recorded is not Recorded.BREAKER_OPEN:
            return recorded
        if sent.queue.breaker != State.CLOSED:
            # It is open because this very delivery was the try.
            return Recorded.KEPT
        await release_queue(connection, self._worker, sent.queue.id)
        return recorded

    async def _heal(self, connection: Connection, sent: Sent) -> bool:
        """The webhook answers again. A breaker that never opened goes on counting: failures may be every other call."""
        if sent.queue.breaker != State.CLOSED:
            await close_breaker(connection, sent.queue.dip_id, sent.queue.channel)
        for kind in (AlarmKind.BREAKER_OPEN, AlarmKind.QUEUE_STOPPED, AlarmKind.DELIVERY_BROKEN):
            await clear_alarms(connection, kind, sent.subject, sent.ended_at)
        return True

    async def _record_partly(
        self, connection: Connection, sent: Sent, answer: PartlyDelivered, rule: ChannelRule
    ) -> bool:
        recorded = await self._advance(connection, sent)
        if recorded is Recorded.LEASE_LOST:
            return False
        if sent.queue.failures or sent.queue.breaker != State.CLOSED:
            await self._heal(connection, sent)
        await self._bury(connection, sent, answer.refused)
        unmentioned = {place for place, t in enumerate(sent.transactions) if t in answer.unmentioned}
        await self._queue_again(connection, sent, unmentioned)
        if unmentioned and recorded is Recorded.KEPT:
            # However little is mentioned each time, it must not become a race: the pause is for what is left out.
            wait = self._get_wait(sent.queue, rule) * (len(unmentioned) / sent.batch.message_count)
            await record_holes(connection, self._worker, sent.queue, sent.queue.failures + 1, wait)
            return False
        return recorded is Recorded.KEPT

    async def _record_refused(self, connection: Connection, sent: Sent, answer: Refused) -> bool:
        recorded = await self._advance(connection, sent)
        if recorded is Recorded.LEASE_LOST:
            return False
        if sent.queue.failures or sent.queue.breaker != State.CLOSED:
            await self._heal(connection, sent)
        await self._bury(connection, sent, answer.refused)
        return recorded is Recorded.KEPT

    async def _bury(self, connection: Connection, sent: Sent, refused: Mapping[str, Reason]) -> None:
        """Refused messages become dead letters, and their senders are told; of status messages nobody is told."""
        found = [(place, refused[t]) for place, t in enumerate(sent.transactions) if t in refused]
        letters = [_make_dead_letter(sent.batch, place, reason) for place, reason in found]
        await keep_dead_letters(connection, sent.queue.id, Kind.REFUSED, Owner.BUSINESS, letters, sent.ended_at)
        if sent.batch.statuses or not found:
            return
        statuses: dict[QueueName, list[bytes]] = defaultdict(list)
        for place, reason in found:
            sender = sent.batch.published[place].sender.senderDIPID
            statuses[QueueName(sender, "", STATUS_WEBHOOK)].append(self._encode_status(sent, place, reason))
        queues = await list_queues(connection, statuses)
        by_queue = {queues[name]: texts for name, texts in statuses.items()}
        await append_entries(connection, [], by_queue, sent.ended_at)

    def _encode_status(self, sent: Sent, place: int, reason: Reason) -> bytes:
        """The recipient's words, from the recipient, to the sender of the message (E2E 4.6.6.2)."""
        published = sent.batch.published[place]
        # The sender knows its message by its first transaction id alone, even when a replay of it is refused.
        transaction = strip_replay_prefix(sent.transactions[place])
        subject = Subject(transaction, published.sender, published.correlation_id, self._rules.ticket_url)
        return encode_status(subject, sent.queue.dip_id, reason.text, reason.help, sent.ended_at)

    async def _queue_again(self, connection: Connection, sent: Sent, places: set[int]) -> None:
        """At the queue's end. They stay as old as they are: what is never mentioned grows too old in the end."""
        queue, batch = sent.queue.id, sent.batch
        again = [batch.wanted[place] for place in sorted(places)] if batch.wanted else []
        texts = [batch.statuses[place].entry for place in sorted(places)] if batch.statuses else []
        oldest = min((batch.statuses[place].queued_at for place in places), default=None) if batch.statuses else None
        if again or texts:
            by_queue, entries = {queue: texts} if texts else {}, _make_entries(queue, again)
            await append_entries(connection, entries, by_queue, sent.ended_at, is_again=True, statuses_queued_at=oldest)

    async def _record_too_large(self, connection: Connection, sent: Sent) -> bool:
        """E2E 4.6.6.1: 413 is for the recipient to mend; until then smaller batches may pass its gateway."""
        if sent.batch.message_count == 1:
            return await self._record_stop(connection, sent, "answered 413 to a single message")
        half = sent.batch.message_count // 2
        return await record_limit(connection, self._worker, sent.attempt, half)

    async def _record_stop(self, connection: Connection, sent: Sent, reason: str) -> bool:
        queue = sent.queue
        async with connection.transaction():
            if not await record_stop(connection, self._worker, sent.attempt, queue.due_at):
                return False
            if queue.breaker != State.CLOSED:
                await close_breaker(connection, queue.dip_id, queue.channel)
            text = f"Deliveries of {queue.channel} to {queue.dip_id} have stopped: the webhook {reason}."
            await raise_alarm(connection, AlarmKind.QUEUE_STOPPED, sent.subject, text, sent.ended_at)
        return False

    def _get_wait(self, queue: LeasedQueue, rule: ChannelRule) -> timedelta:
        base, ceiling = self._rules.get_retry(rule)
        return breakers.get_backoff(base, ceiling, queue.failures) * self._random.random()

    async def record_break(self, pool: Pool, queue: LeasedQueue, fault: str, now: datetime) -> None:
        """The DIP itself failed to make or to record a delivery. It tries again, ever more slowly, and says so."""
        log.error("delivery_broken", queue=queue.id, channel=queue.channel, error=fault)
        wait = breakers.get_backoff(_AFTER_A_BREAK, self._rules.retry_ceiling, queue.failures)
        next_one = (queue.done + 1, queue.done + 1)
        attempt = Attempt(queue.id, *next_one, now, timedelta(0), None, f"{OWN_FAULT}: {fault}")
        async with pool.acquire() as connection, connection.transaction():
            if await record_failure(connection, self._worker, attempt, wait, queue.due_at):
                text = f"The DIP fails to deliver {queue.channel} to {queue.dip_id}: {fault}. It is a fault of the DIP."
                subject = f"{queue.dip_id} {queue.channel}"
                await raise_alarm(connection, AlarmKind.DELIVERY_BROKEN, subject, text, now)

    async def _record_failure(self, connection: Connection, sent: Sent, answer: Undelivered, rule: ChannelRule) -> bool:
        """E2E 4.6.3: exponential back-off up to a maximum, with full jitter; and the breaker of the webhook."""
        queue, now = sent.queue, sent.ended_at
        wait = self._get_wait(queue, rule)
        wait = max(wait, answer.retry_after) if answer.retry_after else wait
        async with connection.transaction():
            if not await record_failure(connection, self._worker, sent.attempt, wait, queue.due_at):
                return False
            before, at = await lock_breaker(connection, queue.dip_id, queue.channel), await find_now(connection)
            breaker = breakers.record_failure(before, self._rules.breaker, wait, answer.reason, at)
            await keep_breaker(connection, queue.dip_id, queue.channel, breaker, at)
            if breaker.until is not None:
                await hold_webhook(connection, queue.dip_id, queue.channel, breaker.until - at)
                text = (
                    f"Deliveries of {queue.channel} to {queue.dip_id} pause while its webhook fails: {answer.reason}."
                )
                await raise_alarm(connection, AlarmKind.BREAKER_OPEN, sent.subject, text, now)
            elif answer.retry_after:
                await hold_webhook(connection, queue.dip_id, queue.channel, wait)
        log.warning(
            "delivery_failed",
            recipient=queue.dip_id,
            role=queue.role,
            channel=queue.channel,
            reason=answer.reason,
            breaker=breaker.state.value,
            again_in_seconds=round(wait.total_seconds(), 1),
        )
        return False


def _make_dead_letter(batch: Batch, place: int, reason: Reason) -> NewDeadLetter:
    if batch.statuses:
        return NewDeadLetter(batch.statuses[place].last_position, None, None, None, reason.code, reason.text)
    wanted = batch.wanted[place]
    entry = wanted.entry
    return NewDeadLetter(
        wanted.position,
        entry.submission,
        wanted.message_index,
        entry.accepted_on,
        reason.code,
        reason.text,
        entry.replay,
    )


def _make_entries(queue: int, again: Sequence[Wanted]) -> list[NewEntry]:
    members: dict[int, list[int]] = defaultdict(list)
    entries = {wanted.entry.last_position: wanted.entry for wanted in again}
    for wanted in again:
        members[wanted.entry.last_position].append(wanted.message_index)
    return [
        NewEntry(queue, e.submission, e.accepted_on, members[last], e.queued_at, e.replay)
        for last, e in entries.items()
    ]
