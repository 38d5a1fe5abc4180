"""One step: the messages at the head of one queue that are too old become dead letters, and their senders are told.

The queue is locked as a delivery would lease it, so no message is both delivered and buried; what is being delivered
right now is left alone. All of a step commits together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from opendip.domain.durations import describe_duration
from opendip.domain.market import STATUS_WEBHOOK, Market
from opendip.domain.outcomes import PROCESSING_FAILED
from opendip.domain.statuses import Subject, encode_status
from opendip.stages.expire.aged import MOST_CHUNKS, MOST_MESSAGES, list_aged, list_aged_statuses
from opendip.stages.expire.reasons import NOT_READABLE, Reason, find_reason
from opendip.stages.expire.rules import ExpiryRules
from opendip.store.alarms import AlarmKind, raise_alarm
from opendip.store.archive import Archive
from opendip.store.dead_letters import Kind, NewDeadLetter, Owner, keep_dead_letters
from opendip.store.expiries import OverdueQueue, claim_overdue, find_last_outcome, pass_over
from opendip.store.origins import Origin, find_origins
from opendip.store.pool import Connection
from opendip.store.queues import QueueName, append_entries, list_entries, list_queues, list_status_messages

_LOOKED_BACK = timedelta(days=2)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Step:
    """What a step is about."""

    connection: Connection
    queue: OverdueQueue
    reason: Reason
    limit: timedelta
    rules: ExpiryRules
    now: datetime

    @property
    def before(self) -> datetime:
        return self.now - self.limit


async def take_step(
    connection: Connection, number: int, market: Market, rules: ExpiryRules, archive: Archive, now: datetime
) -> int:
    """Within the caller's transaction; answers how many messages of that queue are dead letters now."""
    queue = await claim_overdue(connection, number)
    if queue is None:
        return 0
    webhook = market.webhooks.get((queue.dip_id, queue.channel))
    outcome = None
    if queue.failures:
        outcome = await find_last_outcome(connection, queue.id, (now - _LOOKED_BACK).date())
    reason = find_reason(queue, webhook, outcome, rules.dip_id)
    limit = rules.get_limit(market.get_rule(queue.channel))
    step = _Step(connection, queue, reason, limit, rules, now)
    if queue.channel == STATUS_WEBHOOK:
        return await _bury_statuses(step)
    return await _bury_messages(step, archive)


async def _bury_statuses(step: _Step) -> int:
    """E2E 4.7: about a status message there is no status message."""
    queue, reason = step.queue, step.reason
    found = await list_status_messages(step.connection, queue.id, queue.done, queue.done_on, MOST_MESSAGES)
    aged = list_aged_statuses(found, step.before)
    if not aged:
        return 0
    letters = [NewDeadLetter(s.last_position, None, None, None, PROCESSING_FAILED, reason.text) for s in aged]
    await _keep(step, reason.owner, letters)
    await _pass_over(step, len(aged), aged[-1].last_position, aged[-1].created_on)
    return len(aged)


async def _bury_messages(step: _Step, archive: Archive) -> int:
    queue, reason = step.queue, step.reason
    entries = await list_entries(step.connection, queue.id, queue.done, queue.done_on, MOST_CHUNKS, MOST_MESSAGES)
    aged = list_aged(entries, queue.done, step.before)
    if not aged:
        return 0
    origins = await find_origins(step.connection, [a.key for a in aged], archive.wrap)
    letters: dict[Reason, list[NewDeadLetter]] = defaultdict(list)
    found: list[Origin] = []
    for entry, position, (submission, index, day) in aged:
        origin = origins.get((submission, index))
        why = Reason(Owner.PLATFORM, NOT_READABLE) if origin is None else reason
        letters[why].append(NewDeadLetter(position, submission, index, day, PROCESSING_FAILED, why.text, entry.replay))
        if origin is not None and entry.replay is None:
            # Of a replay only the recipient knows, who asked for it; the message itself has had its own end.
            found.append(origin)
    for why, some in letters.items():
        await _keep(step, why.owner, some)
    await _pass_over(step, len(aged), aged[-1].position, aged[-1].entry.routed_on)
    await _tell_senders(step, found)
    return len(aged)


async def _keep(step: _Step, owner: Owner, letters: Sequence[NewDeadLetter]) -> None:
    await keep_dead_letters(step.connection, step.queue.id, Kind.EXPIRED, owner, letters, step.now)


async def _pass_over(step: _Step, count: int, position: int, day: date) -> None:
    """The queue goes on behind them; the operator is told."""
    queue, limit, reason = step.queue, describe_duration(step.limit), step.reason.text
    await pass_over(step.connection, queue.id, position, day)
    text = (
        f"Messages of {queue.channel} to {queue.dip_id} were not delivered in {limit}, and are dead letters: {reason}. "
        f"See: dip dead-letters list --recipient {queue.dip_id} --channel {queue.channel}"
    )
    subject = f"{queue.dip_id} {queue.channel}"
    await raise_alarm(step.connection, AlarmKind.DEAD_LETTERS, subject, text, step.now)
    log.warning(
        "messages_expired",
        recipient=queue.dip_id,
        role=queue.role,
        channel=queue.channel,
        count=count,
        reason=reason,
    )


async def _tell_senders(step: _Step, origins: Sequence[Origin]) -> None:
    """E2E 5.1.9: what is dead is reported back to its sender, by its first transaction id."""
    rules, recipient = step.rules, step.queue.dip_id
    text = f"{PROCESSING_FAILED} - {rules.response_text}"
    help_text = (
        f"Not delivered to {recipient} in {describe_duration(step.limit)}: {step.reason.text}. "
        f"It is kept, and {recipient} can have it by replay."
    )
    statuses: dict[QueueName, list[bytes]] = defaultdict(list)
    for origin in origins:
        subject = Subject(origin.transaction_id, origin.sender, origin.correlation_id, rules.ticket_url)
        name = QueueName(origin.sender.senderDIPID, "", STATUS_WEBHOOK)
        statuses[name].append(encode_status(subject, rules.dip_id, text, help_text, step.now))
    queues = await list_queues(step.connection, statuses)
    await append_entries(step.connection, [], {queues[n]: texts for n, texts in statuses.items()}, step.now)
