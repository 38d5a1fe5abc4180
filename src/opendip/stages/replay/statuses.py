"""Status messages again: a page of them for an answer, or put on the recipient's queue page by page (FS 5.5.11)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from opendip.domain.market import STATUS_WEBHOOK
from opendip.domain.replays import START
from opendip.domain.status_requests import WantedStatuses
from opendip.stages.replay.jobs import PageDone, Requeueing
from opendip.stages.replay.pages import PageLimits
from opendip.store.pool import Connection
from opendip.store.queues import append_entries
from opendip.store.requeue_jobs import NewJob, RequeueJob, start_job, take_replay_number
from opendip.store.statuses import KeptStatus, count_statuses, find_status_queue, list_statuses
from opendip.store.webhooks import reopen_queues

_READ_AT_ONCE = 5_000
_READ_FOR_ANSWER = 200_000
"""A filter that keeps next to nothing has its answer early, perhaps empty, and the request goes on from there."""
_ENTRIES_A_PIECE = 500


@dataclass(frozen=True, slots=True)
class StatusPage:
    """One answer, and the position after which the next one goes on; None: that is all."""

    entries: Sequence[bytes]
    reached: int | None


class _Block(NamedTuple):
    """The next status messages of a time: what of them is wanted, how many were looked at."""

    kept: Sequence[KeptStatus]
    seen: int
    reached: int
    is_last: bool


async def choose_statuses(
    connection: Connection, recipient: str, wanted: WantedStatuses, after: int, limits: PageLimits
) -> StatusPage:
    """What fits one answer, in the order of time; at least one when there is one."""
    queue = await find_status_queue(connection, recipient)
    if queue is None:
        return StatusPage((), None)
    entries: list[bytes] = []
    size = 0
    for _ in range(_READ_FOR_ANSWER // _READ_AT_ONCE):
        block = await _read_block(connection, queue, wanted, after, _READ_AT_ONCE)
        for status in block.kept:
            size += len(status.entry)
            if len(entries) == limits.messages or (entries and size > limits.bytes):
                return StatusPage(entries, after)
            entries.append(status.entry)
            after = status.position
        if block.is_last:
            return StatusPage(entries, None)
        after = block.reached
        await asyncio.sleep(0)
    return StatusPage(entries, after)


async def encode_statuses(page: StatusPage) -> AsyncIterator[bytes]:
    """The JSON array, piece by piece."""
    yield b"["
    for first in range(0, len(page.entries), _ENTRIES_A_PIECE):
        separator = b"," if first else b""
        yield separator + b",".join(page.entries[first : first + _ENTRIES_A_PIECE])
    yield b"]"


async def _read_block(connection: Connection, queue: int, wanted: WantedStatuses, after: int, most: int) -> _Block:
    read = await list_statuses(connection, queue, after, wanted.from_at, wanted.until, most)
    kept = [status for status in read if wanted.matches(status.entry)] if wanted.has_filter else read
    return _Block(kept, len(read), read[-1].position if read else after, len(read) < most)


async def start_status_requeue(
    connection: Connection, wanted: WantedStatuses, recipient: str, asked_by: str, job: UUID, now: datetime
) -> bool:
    """A job, in the caller's transaction; False while one is at work for that recipient."""
    queue = await find_status_queue(connection, recipient)
    number = await take_replay_number(connection)
    new = NewJob(job, number, recipient, STATUS_WEBHOOK, asked_by, _describe(queue, wanted, now))
    if not await start_job(connection, new, now):
        return False
    await reopen_queues(connection, recipient, STATUS_WEBHOOK, now)
    return True


def _describe(queue: int | None, wanted: WantedStatuses, now: datetime) -> Mapping[str, Any]:
    """All of it, so that the job does what was asked for. What is queued after it was asked for goes by itself."""
    return {
        "queue": queue,
        "from": wanted.from_at,
        "until": min(wanted.until, now),
        "transaction": wanted.transaction,
        "reference": wanted.reference,
        "correlation": wanted.correlation,
    }


def _read_wanted(request: Mapping[str, Any]) -> WantedStatuses:
    return WantedStatuses(
        datetime.fromisoformat(request["from"]),
        datetime.fromisoformat(request["until"]),
        request["transaction"],
        request["reference"],
        request["correlation"],
    )


async def _count(connection: Connection, job: RequeueJob) -> int:
    """All of the time asked for, before filters."""
    queue, wanted = job.request["queue"], _read_wanted(job.request)
    return 0 if queue is None else await count_statuses(connection, queue, wanted.from_at, wanted.until)


async def _requeue_page(connection: Connection, job: RequeueJob, now: datetime) -> PageDone:
    queue, wanted = job.request["queue"], _read_wanted(job.request)
    after = job.reached["position"] if job.reached else START.submission
    if queue is None:
        return PageDone({}, 0, is_last=True)
    block = await _read_block(connection, queue, wanted, after, _READ_AT_ONCE)
    if block.kept:
        entries = [status.entry for status in block.kept]
        await append_entries(connection, [], {queue: entries}, now, is_again=True)
    return PageDone({"position": block.reached}, block.seen, block.is_last)


STATUSES = Requeueing(_count, _requeue_page)
"""How the jobs of status messages are done."""
