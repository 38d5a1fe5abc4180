"""Requeues: what a recipient names goes on its queues at once, a range of times page by page in the background."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from opendip.domain.replays import MOST_TRANSACTIONS, START, Position, Range
from opendip.stages.replay.jobs import PageDone, Requeueing
from opendip.stages.replay.selection import Filter, Selection, read_block
from opendip.store.pool import Connection
from opendip.store.queues import NewEntry, append_entries
from opendip.store.replays import Sent, count_sent, count_sent_about, list_waiting
from opendip.store.requeue_jobs import NewJob, RequeueJob, start_job, take_replay_number
from opendip.store.webhooks import reopen_queues

_UNDER_WAY = timedelta(minutes=1)


async def requeue_named(connection: Connection, selection: Selection, recipient: str, now: datetime) -> int:
    """Puts the named messages on their queues again, in the caller's transaction; answers how many."""
    block = await read_block(connection, selection, START, MOST_TRANSACTIONS)
    replay = await take_replay_number(connection)
    await _append(connection, block.sent, replay, now)
    if block.sent:
        await reopen_queues(connection, recipient, selection.channel, now)
    return len({(one.submission, index) for one in block.sent for index in one.members})


async def _append(connection: Connection, sent: Sequence[Sent], replay: int, now: datetime) -> None:
    """Each goes to the queue of the role in which it was sent first, and of every such role."""
    if sent:
        entries = [NewEntry(s.queue, s.submission, s.accepted_on, list(s.members), now, replay) for s in sent]
        await append_entries(connection, entries, {}, now)


async def start_requeue(
    connection: Connection, selection: Selection, recipient: str, asked_by: str, job: UUID, now: datetime
) -> bool:
    """A job for a range of times, in the caller's transaction; False while one is at work for that recipient."""
    replay = await take_replay_number(connection)
    new = NewJob(job, replay, recipient, selection.channel, asked_by, _describe(selection))
    if not await start_job(connection, new, now):
        return False
    if selection.queues:
        await reopen_queues(connection, recipient, selection.channel, now)
    return True


def _describe(selection: Selection) -> Mapping[str, Any]:
    """All of it, so that the job does what was asked for, whatever changes meanwhile."""
    assert selection.times is not None
    wanted = selection.filter
    return {
        "queues": list(selection.queues),
        "from": selection.times.from_at,
        "until": selection.times.until,
        "event_code": wanted.event_code,
        "mpan": wanted.mpan,
        "version": wanted.version,
    }


def _read_selection(job: RequeueJob) -> Selection:
    asked = job.request
    times = Range(datetime.fromisoformat(asked["from"]), datetime.fromisoformat(asked["until"]))
    wanted = Filter(asked["event_code"], asked["mpan"], asked["version"])
    return Selection(job.channel, asked["queues"], wanted, times, ())


async def count(connection: Connection, job: RequeueJob) -> int:
    """Of messages about one metering point those that match, else all in the range of times."""
    selection = _read_selection(job)
    times, wanted = selection.times, selection.filter
    assert times is not None
    if wanted.mpan is None:
        return await count_sent(connection, selection.queues, times)
    place = (selection.queues, wanted.mpan, times, selection.channel)
    return await count_sent_about(connection, *place, wanted.event_code)


async def requeue_page(most: int, connection: Connection, job: RequeueJob, now: datetime) -> PageDone:
    """About so many messages, and whole submissions."""
    selection = _read_selection(job)
    after = Position(**job.reached) if job.reached else START
    block = await read_block(connection, selection, after, most)
    # What still waits on its queue goes by itself, and need not go twice. What is under way may just have arrived.
    waiting = await list_waiting(connection, block.sent, now - _UNDER_WAY)
    sent = [one for one in block.sent if (one.queue, one.submission) not in waiting]
    await _append(connection, sent, job.replay, now)
    return PageDone(block.reached._asdict(), block.seen, block.is_last)


def prepare_messages(most_a_page: int) -> Requeueing:
    """How the jobs of all channels of messages are done."""
    return Requeueing(count, partial(requeue_page, most_a_page))
