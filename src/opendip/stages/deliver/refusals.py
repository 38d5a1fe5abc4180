"""A 207: what was refused is reported to its sender, what was not mentioned is queued again (E2E 4.6.6.1)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from opendip.domain.market import STATUS_WEBHOOK
from opendip.domain.statuses import Subject, encode_status
from opendip.stages.deliver.answers import PartlyDelivered, Reason
from opendip.stages.deliver.batches import Batch, Wanted
from opendip.store.dead_letters import Kind, NewDeadLetter, Owner, keep_dead_letters
from opendip.store.pool import Connection
from opendip.store.queues import (
    Attempt,
    LeasedQueue,
    NewEntry,
    QueueName,
    append_entries,
    list_queues,
    record_delivery,
)


async def keep_partial_delivery(
    connection: Connection,
    worker: UUID,
    queue: LeasedQueue,
    batch: Batch,
    transactions: Sequence[str],
    answer: PartlyDelivered,
    attempt: Attempt,
    lease: timedelta,
    ticket_url: str | None,
) -> bool:
    """Records the attempt, the refusals with their status messages, and the rest at the queue's end, together.

    False when another worker holds the queue by now: nothing is kept then.
    """
    now = attempt.attempted_at + attempt.duration
    async with connection.transaction():
        if not await record_delivery(connection, worker, attempt, batch.done_on, lease):
            return False
        statuses: dict[str, list[bytes]] = defaultdict(list)
        refused: list[NewDeadLetter] = []
        again: list[Wanted] = []
        for wanted, published, transaction in zip(batch.wanted, batch.published, transactions, strict=True):
            reason = answer.refused.get(transaction)
            if reason is not None:
                refused.append(_bury(wanted, reason))
                subject = Subject(transaction, published.sender, published.correlation_id, ticket_url)
                entry = encode_status(subject, queue.dip_id, reason.text, reason.help, now)
                statuses[published.sender.senderDIPID].append(entry)
            elif transaction in answer.unmentioned:
                again.append(wanted)
        await keep_dead_letters(connection, queue.id, Kind.REFUSED, Owner.BUSINESS, refused, now)
        queues = await list_queues(connection, [QueueName(d, "", STATUS_WEBHOOK) for d in statuses])
        by_queue = {queues[QueueName(d, "", STATUS_WEBHOOK)]: texts for d, texts in statuses.items()}
        await append_entries(connection, _queue_again(queue.id, again), by_queue, now)
    return True


def _queue_again(queue: int, again: Sequence[Wanted]) -> list[NewEntry]:
    """They stay as old as they are, so that what is never mentioned grows too old in the end."""
    members: dict[int, list[int]] = defaultdict(list)
    entries = {wanted.entry.last_position: wanted.entry for wanted in again}
    for wanted in again:
        members[wanted.entry.last_position].append(wanted.message_index)
    return [
        NewEntry(queue, e.submission, e.accepted_on, members[last], e.queued_at, e.replay)
        for last, e in entries.items()
    ]


def _bury(wanted: Wanted, reason: Reason) -> NewDeadLetter:
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
