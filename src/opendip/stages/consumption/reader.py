"""Reading the queues that lead to the DIP itself: requests for consumption, and status messages about the answers.

Each message in one transaction: what is made of it, and how far the queue has come. Killed at any moment, nothing is
lost and nothing is done twice.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import msgspec
import structlog

from opendip.catalogue import Catalogue
from opendip.domain.consumption import History, describe_days, find_history
from opendip.domain.market import STATUS_WEBHOOK
from opendip.domain.outcomes import Fault
from opendip.domain.publications import Header
from opendip.stages.consumption.answers import Answer, AnsweredBefore, AnswerRules
from opendip.stages.consumption.records import DATA_SERVICE, RecordFinder
from opendip.stages.consumption.replies import ReplyChannel, Request
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.consumption import list_responsibilities
from opendip.store.own_queues import LockedQueue, Reading, lock_queue, postpone_reading, record_reading
from opendip.store.pool import Connection, Pool
from opendip.store.queues import Entry, NewEntry, append_entries, list_entries, list_status_messages
from opendip.store.submissions import ChunkKey, list_addressed_chunks

REQUESTS = "IF-015"
_SUPPLIER = "SUP"
_STATUSES_READ = 200
_EMPTY = timedelta(seconds=30)
_RETRY_BASE = timedelta(seconds=1)
_RETRY_CEILING = timedelta(minutes=1)
_CODE = re.compile(r"[A-Z]{3}[0-9]{4}", re.ASCII)


log = structlog.get_logger()


class _Status(msgspec.Struct, gc=False):
    """Of a status message, what may stand in a log."""

    transaction_id: str | None = msgspec.field(name="transactionID", default=None)
    message: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """The message of a queue that is being read."""

    queue: LockedQueue
    entry: Entry
    position: int

    @property
    def message_index(self) -> int:
        return self.entry.members[self.position - self.entry.first_position]


class OwnQueues:
    """Reads the DIP's own queues for one worker; other workers read others meanwhile."""

    def __init__(self, pool: Pool, catalogue: Catalogue, replies: ReplyChannel, rules: AnswerRules) -> None:
        self._pool = pool
        self._finder = RecordFinder(catalogue)
        self._replies = replies
        self._rules = rules
        self._at: _Place | None = None

    async def read_next(self, now: datetime) -> bool:
        """Takes what is next in one of the queues; whether there was anything.

        A request that cannot be answered goes to the queue's end, and is tried again after a growing pause.
        """
        self._at = None
        began = monotonic()
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                return await self._read(connection, now, began)
        except Exception as error:
            if self._at is None:
                raise
            await self._put_off(self._at, error, now, began)
            return True

    async def _read(self, connection: Connection, now: datetime, began: float) -> bool:
        queue = await lock_queue(connection, self._rules.dip_id)
        if queue is None:
            return False
        if queue.channel == STATUS_WEBHOOK:
            return await self._read_statuses(connection, queue, now, began)
        entries = await list_entries(connection, queue.id, queue.done, queue.done_on, 1)
        if not entries:
            await postpone_reading(connection, queue, _EMPTY)
            return False
        self._at = place = _Place(queue, entries[0], max(queue.done + 1, entries[0].first_position))
        await self._answer(connection, await _read_request(connection, place), now)
        await record_reading(connection, _describe(place, now, began, "answered"))
        return True

    async def _read_statuses(self, connection: Connection, queue: LockedQueue, now: datetime, began: float) -> bool:
        """The word of recipients, and of the DIP, on what it sent: the operator's to know."""
        statuses = await list_status_messages(connection, queue.id, queue.done, queue.done_on, _STATUSES_READ)
        if not statuses:
            await postpone_reading(connection, queue, _EMPTY)
            return False
        for status in statuses:
            read = msgspec.json.decode(status.entry, type=_Status)
            code = _CODE.match(read.message or "")
            log.warning("answer_refused", transaction=read.transaction_id, code=code and code.group())
        last, duration = statuses[-1], timedelta(seconds=monotonic() - began)
        await record_reading(
            connection, Reading(queue, last.last_position, last.created_on, now, duration, "delivered")
        )
        return True

    async def _answer(self, connection: Connection, request: Request, now: datetime) -> None:
        answer = Answer(connection, self._rules, request, now)
        mpan = request.header.mpan
        assert mpan is not None, "M0 is required on IF-015"
        found = find_history(
            request.header.sender.senderDIPID,
            request.accepted_on,
            await list_responsibilities(connection, mpan, DATA_SERVICE),
            await list_responsibilities(connection, mpan, _SUPPLIER),
        )
        if not isinstance(found, Fault):
            async for record in self._finder.find(connection, mpan, found):
                reply = self._replies.write_record(request, record.header, answer.count, now)
                if reply is None:
                    log.error("record_not_replayed", submission=record.submission, index=record.message_index)
                else:
                    await answer.add(reply)
        if not answer.count:
            fault = found if isinstance(found, Fault) else _refuse_unkept(found)
            await answer.add(self._replies.write_rejection(request, fault, now))
        await answer.keep()

    async def _put_off(self, place: _Place, error: Exception, now: datetime, began: float) -> None:
        """Raises what asyncpg does when it is the database that is away: then all is as before."""
        queue, entry = place.queue, place.entry
        is_answered = isinstance(error, AnsweredBefore)
        wait = None if is_answered else min(_RETRY_CEILING, _RETRY_BASE * 2 ** min(queue.failures, 20))
        outcome = "answered before" if is_answered else type(error).__name__
        async with self._pool.acquire() as connection, connection.transaction():
            if not await record_reading(connection, _describe(place, now, began, outcome, wait)):
                return
            if not is_answered:
                again = NewEntry(
                    *(queue.id, entry.submission, entry.accepted_on, [place.message_index]),
                    *(entry.queued_at, entry.replay),
                )
                await append_entries(connection, [again], {}, now)
        log.error("request_not_answered", submission=entry.submission, index=place.message_index, error=outcome)


def _refuse_unkept(history: History) -> Fault:
    return Fault(
        "RCP1062", f"No consumption of the previous advanced data services is kept {describe_days(history.days)}."
    )


async def _read_request(connection: Connection, place: _Place) -> Request:
    entry, (number, offset) = place.entry, divmod(place.message_index, MESSAGES_IN_A_CHUNK)
    key = ChunkKey(entry.submission, number, entry.accepted_on)
    ((_, _, content, _),) = await list_addressed_chunks(connection, [key])
    header = Header(unpack_chunk(content)[offset])
    return Request(header, entry.submission, place.message_index, entry.accepted_on, entry.replay)


def _describe(place: _Place, now: datetime, began: float, outcome: str, wait: timedelta | None = None) -> Reading:
    duration = timedelta(seconds=monotonic() - began)
    return Reading(place.queue, place.position, place.entry.routed_on, now, duration, outcome, wait)
