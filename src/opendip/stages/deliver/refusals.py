"""A 207: what was refused is reported to its sender, what was not mentioned is queued again (E2E 4.6.6.1)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from opendip.domain.market import STATUS_WEBHOOK
from opendip.domain.outcomes import HELP_LENGTH, ResponseEntry
from opendip.domain.references import format_timestamp
from opendip.stages.deliver.answers import PartlyDelivered, Reason
from opendip.stages.deliver.batches import Batch, Wanted
from opendip.store.archive import Published
from opendip.store.pool import Connection
from opendip.store.queues import (
    Attempt,
    LeasedQueue,
    NewEntry,
    QueueName,
    append_entries,
    keep_exceptions,
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
) -> bool:
    """Records the attempt, the refusals with their status messages, and the rest at the queue's end, together.

    False when another worker holds the queue by now: nothing is kept then.
    """
    now = attempt.attempted_at + attempt.duration
    async with connection.transaction():
        if not await record_delivery(connection, worker, attempt, batch.done_on, lease):
            return False
        statuses: dict[str, list[bytes]] = defaultdict(list)
        refused: list[tuple[int, str, str]] = []
        again: list[Wanted] = []
        for wanted, published, transaction in zip(batch.wanted, batch.published, transactions, strict=True):
            reason = answer.refused.get(transaction)
            if reason is not None:
                refused.append((wanted.position, reason.code, reason.text))
                statuses[published.sender.senderDIPID].append(
                    _encode_status(transaction, published, queue.dip_id, reason, now)
                )
            elif transaction in answer.unmentioned:
                again.append(wanted)
        await keep_exceptions(connection, queue.id, refused)
        queues = await list_queues(connection, [QueueName(d, "", STATUS_WEBHOOK) for d in statuses])
        by_queue = {queues[QueueName(d, "", STATUS_WEBHOOK)]: texts for d, texts in statuses.items()}
        await append_entries(connection, _queue_again(queue.id, again), by_queue, now.astimezone(UTC).date())
    return True


def _queue_again(queue: int, again: Sequence[Wanted]) -> list[NewEntry]:
    members: dict[tuple[int, date], list[int]] = defaultdict(list)
    for wanted in again:
        members[wanted.entry.submission, wanted.entry.accepted_on].append(wanted.message_index)
    return [NewEntry(queue, submission, day, found) for (submission, day), found in members.items()]


def _encode_status(transaction: str, published: Published, recipient: str, reason: Reason, now: datetime) -> bytes:
    """The recipient's words, from the recipient, to the sender of the message (E2E 4.6.6.2)."""
    sender = published.sender
    entry = ResponseEntry(
        transactionID=transaction,
        senderUniqueReference=sender.senderUniqueReference,
        correlationID=published.correlation_id,
        sentTimestamp=format_timestamp(now),
        senderID=recipient,
        recipientID=sender.senderDIPID,
        DIPConnectionProviderID=sender.DIPConnectionProviderID,
        message=reason.text,
        help=reason.help[:HELP_LENGTH] if reason.help else None,
        serviceTicketURL=None,
    )
    return msgspec.json.encode(entry)
