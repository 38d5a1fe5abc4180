import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

from opendip.store.leases import (
    Attempt,
    Recorded,
    claim_queues,
    postpone_queue,
    record_delivery,
    record_failure,
    release_queue,
)
from opendip.store.pool import Pool
from opendip.store.queues import (
    NewEntry,
    QueueName,
    append_entries,
    count_backlog,
    list_entries,
    list_queues,
    list_status_messages,
    wake_queues,
)

TODAY = date(2026, 3, 21)
NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
LEASE = timedelta(minutes=5)
LONG_AGO = date(2000, 1, 1)


async def a_queue(pool: Pool, dip_id: str) -> int:
    name = QueueName(dip_id, "SUP", "IF-021")
    async with pool.acquire() as connection:
        return (await list_queues(connection, [name]))[name]


async def append(pool: Pool, queue: int, submission: int, count: int) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await append_entries(connection, [NewEntry(queue, submission, TODAY, list(range(count)))], {}, NOW)


def an_attempt(queue: int, first: int, last: int) -> Attempt:
    return Attempt(queue, first, last, NOW, timedelta(milliseconds=12), 201, "delivered")


async def test_a_queue_is_made_once_however_many_ask_for_it(pool: Pool) -> None:
    assert len({*await asyncio.gather(*(a_queue(pool, "2300000001") for _ in range(8)))}) == 1


async def test_positions_have_no_gaps_when_many_append_at_once(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000002")
    await asyncio.gather(*(append(pool, queue, number, number) for number in range(1, 21)))
    async with pool.acquire() as connection:
        entries = await list_entries(connection, queue, 0, LONG_AGO, 100)
    spans = [(e.first_position, e.last_position) for e in entries]
    assert spans[0][0] == 1
    assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))
    assert spans[-1][1] == sum(range(1, 21))


async def test_an_entry_of_the_day_before_that_came_late_is_found(pool: Pool) -> None:
    """Around midnight, or with clocks that differ, days and positions may be in different orders."""
    queue = await a_queue(pool, "2300000010")
    tomorrow = TODAY + timedelta(days=1)
    async with pool.acquire() as connection, connection.transaction():
        await append_entries(connection, [NewEntry(queue, 1, TODAY, [0])], {queue: [b"{}"]}, NOW + timedelta(days=1))
        await append_entries(connection, [NewEntry(queue, 2, TODAY, [0])], {queue: [b"{}"]}, NOW)
        [entry] = await list_entries(connection, queue, 2, tomorrow, 10)
        [status] = await list_status_messages(connection, queue, 2, tomorrow, 10)
    assert (entry.submission, entry.routed_on) == (2, TODAY)
    assert status.created_on == TODAY


async def test_an_entry_delivered_in_part_comes_again_and_one_delivered_whole_does_not(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000003")
    await append(pool, queue, 1, 10)
    await append(pool, queue, 2, 10)
    async with pool.acquire() as connection:
        assert [e.submission for e in await list_entries(connection, queue, 9, LONG_AGO, 100)] == [1, 2]
        assert [e.submission for e in await list_entries(connection, queue, 10, LONG_AGO, 100)] == [2]


async def test_of_a_long_queue_only_the_entries_that_hold_the_next_messages_are_read(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000011")
    for submission in range(1, 21):
        await append(pool, queue, submission, 10)
    async with pool.acquire() as connection:
        for messages, read in ((1, [1]), (6, [1]), (7, [1, 2]), (16, [1, 2]), (1000, list(range(1, 21)))):
            entries = await list_entries(connection, queue, 4, LONG_AGO, 100, messages)
            assert [entry.submission for entry in entries] == read


async def test_two_workers_never_hold_the_same_queue(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000004")
    await append(pool, queue, 1, 1)
    first, second = uuid4(), uuid4()

    async def claim(worker: object) -> list[int]:
        async with pool.acquire() as connection:
            return [q.id for q in await claim_queues(connection, worker, LEASE, 100, {})]  # type: ignore[arg-type]

    held = [queue in ids for ids in await asyncio.gather(claim(first), claim(second))]
    assert sorted(held) == [False, True]


async def test_a_worker_takes_up_its_own_queue_again_unless_it_is_busy_with_it(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000005")
    await append(pool, queue, 1, 1)
    worker = uuid4()
    async with pool.acquire() as connection:
        assert queue in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {})]
        assert queue not in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {queue: "2300000005"})]
        assert queue in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {})]


async def test_what_was_delivered_is_recorded_only_by_who_holds_the_lease(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000006")
    await append(pool, queue, 1, 5)
    worker = uuid4()
    async with pool.acquire() as connection:
        (leased,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == queue]
        lost = await record_delivery(connection, uuid4(), leased, an_attempt(queue, 1, 5), TODAY, LEASE)
        kept = await record_delivery(connection, worker, leased, an_attempt(queue, 1, 5), TODAY, LEASE)
        assert (lost, kept) == (Recorded.LEASE_LOST, Recorded.KEPT)
        backlog = {b.dip_id: b.tail - b.done for b in await count_backlog(connection)}
        attempts = await connection.fetchval("select count(*) from attempt where queue = $1", queue)
    assert (backlog["2300000006"], attempts) == (0, 1)


async def test_a_failed_queue_is_not_due_before_its_time_unless_it_is_woken(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000007")
    await append(pool, queue, 1, 5)
    worker = uuid4()
    async with pool.acquire() as connection:
        (leased,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == queue]
        assert await record_failure(connection, worker, an_attempt(queue, 1, 5), timedelta(hours=1), leased.due_at)
        assert queue not in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {})]
        await wake_queues(connection, "2300000007", "IF-021")
        (again,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == queue]
    assert (again.failures, again.done) == (1, 0)


async def test_a_queue_woken_while_it_is_leased_is_due_at_once_when_it_is_given_back(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000009")
    await append(pool, queue, 1, 5)
    worker = uuid4()
    async with pool.acquire() as connection:
        (leased,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == queue]
        await wake_queues(connection, "2300000009")
        assert await record_failure(connection, worker, an_attempt(queue, 1, 5), timedelta(hours=1), leased.due_at)
        (leased,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == queue]
        await wake_queues(connection, "2300000009")
        await postpone_queue(connection, worker, leased, timedelta(hours=1))
        (leased,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == queue]
        await postpone_queue(connection, worker, leased, timedelta(hours=1))
        assert queue not in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {})]


async def test_a_queue_given_back_is_free_for_others(pool: Pool) -> None:
    queue = await a_queue(pool, "2300000008")
    await append(pool, queue, 1, 5)
    first, second = uuid4(), uuid4()
    async with pool.acquire() as connection:
        await claim_queues(connection, first, LEASE, 100, {})
        await release_queue(connection, first, queue)
        assert queue in [q.id for q in await claim_queues(connection, second, LEASE, 100, {})]


async def test_status_messages_stand_in_their_queue_in_order(pool: Pool) -> None:
    name = QueueName("1109012345", "", "STATUS")
    async with pool.acquire() as connection:
        queue = (await list_queues(connection, [name]))[name]
        for texts in ([b'{"n":1}', b'{"n":2}'], [b'{"n":3}']):
            async with connection.transaction():
                await append_entries(connection, [], {queue: texts}, NOW)
        found = await list_status_messages(connection, queue, 1, LONG_AGO, 100)
    assert [(s.last_position, s.entry) for s in found] == [(2, b'{"n":2}'), (3, b'{"n":3}')]


async def test_queues_that_failed_are_claimed_apart_from_the_others(pool: Pool) -> None:
    well, ill = await a_queue(pool, "2300000020"), await a_queue(pool, "2300000021")
    worker = uuid4()
    async with pool.acquire() as connection:
        for queue in (well, ill):
            await append(pool, queue, 1, 1)
        (leased,) = [q for q in await claim_queues(connection, worker, LEASE, 100, {}) if q.id == ill]
        await record_failure(connection, worker, an_attempt(ill, 1, 1), timedelta(0), leased.due_at)
        await release_queue(connection, worker, well)
        assert ill not in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {}, are_weak=False)]
        assert ill in [q.id for q in await claim_queues(connection, worker, LEASE, 100, {}, are_weak=True)]


async def test_a_status_message_that_is_queued_again_stays_as_old_as_it_was(pool: Pool) -> None:
    """Or one that a recipient never mentions would never be a dead letter (FS 5.5.8)."""
    name, before = QueueName("1109012353", "", "STATUS"), NOW - timedelta(days=3)
    async with pool.acquire() as connection, connection.transaction():
        queue = (await list_queues(connection, [name]))[name]
        await append_entries(connection, [], {queue: [b"{}"]}, NOW, is_again=True, statuses_queued_at=before)
        (status,) = await list_status_messages(connection, queue, 0, LONG_AGO, 100)
    assert (status.queued_at, status.created_on) == (before, TODAY)
