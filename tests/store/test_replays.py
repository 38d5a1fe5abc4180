"""What a recipient was sent is found again: all of it, once, in the order of time, and nothing of others."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from uuid import uuid4

import msgspec
import pytest
from msgspec import Raw

from opendip import catalogue
from opendip.domain.replays import START, Position, Range, Wanted
from opendip.stages.replay import PageLimits, choose_page, encode_page, prepare_channels, prepare_messages, select
from opendip.stages.replay.requeueing import start_requeue
from opendip.store.archive import ChunkAddressing
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, find_spans, pack_chunks
from opendip.store.clock import ensure_partitions
from opendip.store.pool import Connection, Pool
from opendip.store.queues import NewEntry, QueueName, append_entries, list_queues
from opendip.store.requeue_jobs import claim_job, find_job, keep_page, keep_total
from opendip.store.submissions import ChunkKey, MessageRow, Submission, keep_addressing, keep_messages, keep_submission

BEGIN = datetime(2026, 3, 10, 21, 0, tzinfo=UTC)
END = BEGIN + timedelta(days=12)
CHANNEL = prepare_channels(catalogue.load(), None)["IF-021"]
MPAN = 2_000_000_000_000
NUMBERS = count()
SMALL = PageLimits(7, 2**20)

Message = tuple[int, int]
"""Submission and index."""


@dataclass
class History:
    """What recipients of the test's own were sent."""

    connection: Connection
    dip_id: str = field(default_factory=lambda: uuid4().hex[:10])
    sent: dict[str, set[Message]] = field(default_factory=dict)
    """Role to what was put on its queue."""
    accepted: dict[int, datetime] = field(default_factory=dict)

    async def submit(self, at: datetime, size: int, **roles: list[int]) -> int:
        """A submission; each role is put on its queue with these messages."""
        # Numbers are given out in the order of time.
        number = int(at.timestamp()) * 10_000 + next(NUMBERS)
        raws = [Raw(msgspec.json.encode(make_message(index))) for index in range(size)]
        body = b"[" + b",".join(bytes(raw) for raw in raws) + b"]"
        rows = [MessageRow(i, MPAN + i % 3, name_event(i), "1400000011", None) for i in range(size)]
        await keep_messages(self.connection, number, at.date(), rows)
        kept = Submission(
            number, at, "IF-021", "1400000011", size, (), "POST", "", b"", "", b"", "", uuid4().bytes, 201, b""
        )
        await keep_submission(self.connection, kept, list(pack_chunks(body, find_spans(body, raws))), 0)
        for first in range(0, size, MESSAGES_IN_A_CHUNK):
            addressing = ChunkAddressing([b"{}"], [0] * min(MESSAGES_IN_A_CHUNK, size - first))
            key = ChunkKey(number, first // MESSAGES_IN_A_CHUNK, at.date())
            await keep_addressing(self.connection, [(key, addressing.pack())])
        self.accepted[number] = at
        for role, members in roles.items():
            await self.queue(role, number, members, at)
        return number

    async def queue(
        self, role: str, number: int, members: list[int], at: datetime, replay: int | None = None, dip_id: str = ""
    ) -> None:
        [queue] = (await list_queues(self.connection, [QueueName(dip_id or self.dip_id, role, "IF-021")])).values()
        entry = NewEntry(queue, number, self.accepted[number].date(), members, at, replay)
        await append_entries(self.connection, [entry], {}, at)
        if not dip_id and replay is None:
            self.sent.setdefault(role, set()).update((number, index) for index in members)

    @property
    def all_sent(self) -> set[Message]:
        return set[Message]().union(*self.sent.values())

    async def find(
        self, wanted: Wanted, limits: PageLimits = SMALL, roles: frozenset[str] | None = None
    ) -> list[Message]:
        """Page after page."""
        selection = await select(self.connection, wanted, self.dip_id, roles, CHANNEL, END)
        found: list[Message] = []
        after: Position | None = START
        while after is not None:
            page = await choose_page(self.connection, selection, after, limits)
            assert page.message_count <= limits.messages
            found += [
                (pick.key.submission, pick.key.number * MESSAGES_IN_A_CHUNK + place)
                for pick in page.picks
                for place in pick.places
            ]
            after = page.reached
        return found


def name_event(index: int) -> str:
    return "Rare" if index % 5 == 0 else "ActivePower"


def make_message(index: int) -> dict[str, object]:
    s0 = {"interfaceID": "IF-021", "schemaVersion": "010" if index % 4 == 0 else "011", "eventCode": "[%s]"}
    s0["eventCode"] = f"[{name_event(index)}]"
    s1 = {"senderDIPID": "1400000011", "senderRoleID": "SDS", "senderUniqueReference": f"S-{index}"}
    m0 = {"MPANCore": str(MPAN + index % 3)}
    return {"payload": {"CommonBlock": {"S0": s0, "S1": s1, "M0": m0}, "CustomBlock": {"n": index}}}


def want(from_at: datetime | None = BEGIN, until: datetime | None = END, **filters: object) -> Wanted:
    wishes = {"event_code": None, "mpan": None, "version": None, "transactions": (), **filters}
    return Wanted(from_at, until, **wishes)  # type: ignore[arg-type]


async def make_history(connection: Connection, random: Random) -> History:
    """Over many days, in two roles, some queued again for want of an answer or as a replay, some for others."""
    history, at = History(connection), BEGIN
    while at < END - timedelta(hours=3):
        size = random.choice([1, 2, 5, 9, 260])
        roles = {
            role: sorted(random.sample(range(size), random.randint(1, size)))
            for role in ("SUP", "LDSO")
            if random.random() < 0.6
        }
        number = await history.submit(at, size, **roles)
        for role, members in roles.items():
            if random.random() < 0.3:
                await history.queue(role, number, members[::2], at + timedelta(minutes=5))
            if random.random() < 0.3:
                await history.queue(role, number, members, at + timedelta(days=1), replay=7)
        await history.queue("SUP", number, [0], at, dip_id="9" * 10)
        at += timedelta(hours=random.choice([0, 0, 1, 7, 30]), seconds=random.randint(1, 50))
    return history


@pytest.fixture
async def history(pool: Pool) -> AsyncIterator[History]:
    async with pool.acquire() as connection:
        await ensure_partitions(connection, BEGIN.date(), BEGIN.date(), BEGIN.date() + timedelta(days=5))
        made = await make_history(connection, Random(20260321))
        assert len(made.all_sent) > 300
        yield made


class TestPages:
    @pytest.mark.parametrize("messages", [3, 40, 50_000])
    async def test_everything_comes_once_in_the_order_of_time(self, history: History, messages: int) -> None:
        assert await history.find(want(), PageLimits(messages, 2**25)) == sorted(history.all_sent)

    async def test_a_page_is_bounded_in_bytes_but_for_a_single_chunk(self, history: History) -> None:
        selection = await select(history.connection, want(), history.dip_id, None, CHANNEL, END)
        page = await choose_page(history.connection, selection, START, PageLimits(50_000, 1))
        assert len(page.picks) == 1
        assert page.reached is not None

    async def test_a_role_in_which_the_caller_may_not_receive_is_left_out(self, history: History) -> None:
        found = await history.find(want(), roles=frozenset({"LDSO"}))
        assert found == sorted(history.sent["LDSO"])
        assert await history.find(want(), roles=frozenset()) == []

    async def test_a_range_is_of_the_time_of_acceptance(self, history: History) -> None:
        times = sorted(history.accepted.values())
        for first, last in ((3, 9), (5, 6), (0, 40)):
            start, end = times[first], times[min(last, len(times) - 1)]
            expected = {m for m in history.all_sent if start <= history.accepted[m[0]] < end}
            assert await history.find(want(start, end)) == sorted(expected)
        assert await history.find(want(times[4], times[4])) == []

    async def test_each_filter_and_all_of_them(self, history: History) -> None:
        everything = history.all_sent
        rare = {m for m in everything if m[1] % 5 == 0}
        about = {m for m in everything if m[1] % 3 == 1}
        old = {m for m in everything if m[1] % 4 == 0}
        assert await history.find(want(event_code="Rare")) == sorted(rare)
        assert await history.find(want(mpan=MPAN + 1)) == sorted(about)
        assert await history.find(want(version="010")) == sorted(old)
        together = want(event_code="Rare", mpan=MPAN + 1, version="010")
        assert await history.find(together) == sorted(rare & about & old)

    async def test_a_page_is_encoded_as_one_array(self, history: History, pool: Pool) -> None:
        selection = await select(history.connection, want(), history.dip_id, None, CHANNEL, END)
        page = await choose_page(history.connection, selection, START, PageLimits(500, 2**25))
        pieces = [piece async for piece in encode_page(pool, page, 5, CHANNEL)]
        messages = msgspec.json.decode(b"".join(pieces))
        assert len(messages) == page.message_count
        assert len(pieces) == len(page.picks) + 2
        assert all(m["payload"]["CommonBlock"]["D0"]["replayIndicator"] for m in messages)
        empty = await choose_page(history.connection, selection, Position(2**47, 0), PageLimits(500, 2**25))
        assert b"".join([piece async for piece in encode_page(pool, empty, 5, CHANNEL)]) == b"[]"


class TestRequeues:
    async def test_what_still_waits_is_left_to_come_by_itself(self, history: History) -> None:
        connection = history.connection
        queues = "select id from queue where dip_id = $1"
        await connection.execute(
            f"update queue_entry set queued_at = '2020-01-01' where queue in ({queues})", history.dip_id
        )
        query = """select count(*) from queue_entry e join queue q on q.id = e.queue
            where q.dip_id = $1 and e.replay is not null"""
        before = await connection.fetchval(query, history.dip_id)
        selection = await select(connection, want(), history.dip_id, None, CHANNEL, END)
        assert await start_requeue(connection, selection, history.dip_id, history.dip_id, uuid4(), END)
        await self.work_off(connection, most=20)
        assert await connection.fetchval(query, history.dip_id) == before

    async def test_each_queue_has_again_what_it_had_once(self, history: History) -> None:
        await history.connection.execute(
            "update queue_progress p set done = q.tail from queue q where q.id = p.queue and q.dip_id = $1",
            history.dip_id,
        )
        for wishes, matches in (
            (want(), lambda index: True),
            (want(mpan=MPAN + 1), lambda index: index % 3 == 1),
            (want(event_code="Rare"), lambda index: index % 5 == 0),
        ):
            connection = history.connection
            selection = await select(connection, wishes, history.dip_id, None, CHANNEL, END)
            job_id = uuid4()
            assert await start_requeue(connection, selection, history.dip_id, history.dip_id, job_id, END)
            assert not await start_requeue(connection, selection, history.dip_id, history.dip_id, uuid4(), END)
            await self.work_off(connection, most=20)
            query = """select q.role, e.submission, m from queue_entry e join queue q on q.id = e.queue,
                unnest(e.members) m where q.dip_id = $1 and e.replay = (select replay from requeue_job where id = $2)"""
            rows = [tuple(row) for row in await connection.fetch(query, history.dip_id, job_id)]
            expected = {(r, *m) for r, sent in history.sent.items() for m in sent if matches(m[1])}
            assert sorted(rows) == sorted(expected)
            progress = await find_job(connection, history.dip_id, "IF-021", job_id)
            assert progress is not None
            assert progress.status == "Completed"
            assert progress.total == progress.processed

    async def work_off(self, connection: Connection, most: int) -> None:
        how = prepare_messages(most)
        while True:
            async with connection.transaction():
                job = await claim_job(connection)
                if job is None:
                    return
                if job.reached is None:
                    await keep_total(connection, job.id, await how.count(connection, job))
                    continue
                page = await how.requeue_page(connection, job, END)
                await keep_page(connection, job.id, page.reached, page.processed, END, is_last=page.is_last)


async def test_more_entries_of_one_submission_than_are_read_at_once_are_all_of_it(history: History) -> None:
    number = await history.submit(END - timedelta(hours=1), 1500, SUP=[0])
    for index in range(1, 1100):
        await history.queue("SUP", number, [index], END)
    found = await history.find(want(END - timedelta(hours=2)), PageLimits(800, 2**25))
    assert found == [(number, index) for index in range(1100)]


async def test_of_a_range_with_nothing_in_it_there_is_nothing(history: History) -> None:
    assert await history.find(want(BEGIN - timedelta(days=300), BEGIN - timedelta(days=200))) == []
    assert await history.find(want(END + timedelta(days=1), END + timedelta(days=2))) == []
    assert Range(BEGIN, END).until == END
