"""Which queues a worker gets: fairly shared between recipients, one of a webhook at a time."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from opendip.domain.breakers import Breaker, State
from opendip.store.alarms import AlarmKind, clear_alarms, list_alarms, remind_of_stopped_queues
from opendip.store.breakers import begin_probe, close_breaker, find_rest, keep_breaker, lock_breaker
from opendip.store.leases import (
    Attempt,
    LeasedQueue,
    claim_queues,
    hold_webhook,
    record_limit,
    record_stop,
    release_queue,
)
from opendip.store.pool import Connection, Pool
from opendip.store.queues import NewEntry, QueueName, append_entries, list_queues, wake_queues

TODAY = date(2026, 3, 21)
NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
LEASE = timedelta(minutes=5)
DIP = "0000000000"


async def fill(pool: Pool, *names: QueueName) -> dict[QueueName, int]:
    """These queues, a message in each."""
    async with pool.acquire() as connection, connection.transaction():
        queues = await list_queues(connection, names)
        await append_entries(connection, [NewEntry(queue, 1, TODAY, [0]) for queue in queues.values()], {}, NOW)
    return queues


async def claim(
    connection: Connection,
    worker: UUID,
    among: dict[QueueName, int],
    *,
    busy: dict[int, str] | None = None,
    each: int = 99,
) -> list[LeasedQueue]:
    claimed = await claim_queues(connection, worker, LEASE, 10_000, busy or {}, most_of_recipient=each, dip_id=DIP)
    for queue in claimed:
        if queue.id not in among.values():
            await release_queue(connection, worker, queue.id)
    return [queue for queue in claimed if queue.id in among.values()]


def an_attempt(queue: LeasedQueue, status: int) -> Attempt:
    return Attempt(queue.id, 1, 1, NOW, timedelta(milliseconds=12), status, f"answered {status}")


async def test_one_recipient_has_so_many_queues_at_a_time_at_most(pool: Pool) -> None:
    names = [QueueName("2300000101", "SUP", f"IF-{n:03}") for n in range(10)]
    queues = await fill(pool, *names)
    worker = uuid4()
    async with pool.acquire() as connection:
        first = await claim(connection, worker, queues, each=4)
        assert len(first) == 4
        busy = {queue.id: queue.dip_id for queue in first}
        assert await claim(connection, worker, queues, busy=busy, each=4) == []
        assert len(await claim(connection, worker, queues, busy=dict(list(busy.items())[1:]), each=4)) == 1


async def test_two_queues_of_one_webhook_are_never_delivered_at_once(pool: Pool) -> None:
    names = [QueueName("2700000102", role, "IF-021") for role in ("SUP", "LDSO")]
    queues = await fill(pool, *names)
    async with pool.acquire() as connection:
        (first,) = await claim(connection, uuid4(), queues)
        other = uuid4()
        assert await claim(connection, other, queues) == []
        await connection.execute("update queue_progress set leased_until = null where queue = $1", first.id)
        assert len(await claim(connection, other, queues)) == 1


async def test_a_worker_does_not_lease_what_it_has_in_hand_though_its_lease_has_run_out(pool: Pool) -> None:
    """It would deliver twice at once from one queue, and record both."""
    queues = await fill(pool, QueueName("2300000110", "SUP", "IF-021"))
    worker = uuid4()
    async with pool.acquire() as connection:
        (held,) = await claim(connection, worker, queues)
        query = "update queue_progress set leased_until = now() - interval '1 hour' where queue = $1"
        await connection.execute(query, held.id)
        assert await claim(connection, worker, queues, busy={held.id: held.dip_id}) == []
        assert len(await claim(connection, worker, queues)) == 1


async def test_queues_of_the_dip_itself_are_left_to_it(pool: Pool) -> None:
    queues = await fill(pool, QueueName(DIP, "DIP", "IF-015"))
    async with pool.acquire() as connection:
        assert await claim(connection, uuid4(), queues) == []


async def test_a_stopped_queue_rests_until_it_is_woken(pool: Pool) -> None:
    queues = await fill(pool, QueueName("2300000103", "SUP", "IF-021"))
    worker = uuid4()
    async with pool.acquire() as connection:
        (queue,) = await claim(connection, worker, queues)
        assert await record_stop(connection, worker, an_attempt(queue, 401), queue.due_at)
        assert await claim(connection, worker, queues) == []
        await wake_queues(connection, queue.dip_id, queue.channel)
        assert len(await claim(connection, worker, queues)) == 1


async def test_a_queue_woken_during_the_post_that_would_stop_it_does_not_stop(pool: Pool) -> None:
    queues = await fill(pool, QueueName("2300000104", "SUP", "IF-021"))
    worker = uuid4()
    async with pool.acquire() as connection:
        (queue,) = await claim(connection, worker, queues)
        await wake_queues(connection, queue.dip_id, queue.channel)
        assert not await record_stop(connection, worker, an_attempt(queue, 404), queue.due_at)
        assert len(await claim(connection, worker, queues)) == 1


async def test_a_limit_that_was_found_is_kept_until_the_queue_is_woken(pool: Pool) -> None:
    queues = await fill(pool, QueueName("2300000105", "SUP", "IF-021"))
    worker = uuid4()
    async with pool.acquire() as connection:
        (queue,) = await claim(connection, worker, queues)
        assert await record_limit(connection, worker, an_attempt(queue, 413), 7)
        await release_queue(connection, worker, queue.id)
        (queue,) = await claim(connection, worker, queues)
        assert queue.batch_limit == 7
        await wake_queues(connection, queue.dip_id)
        await release_queue(connection, worker, queue.id)
        (queue,) = await claim(connection, worker, queues)
        assert queue.batch_limit is None


async def test_a_held_webhook_gets_nothing_from_any_of_its_queues(pool: Pool) -> None:
    names = [QueueName("2700000106", role, "IF-021") for role in ("SUP", "LDSO")]
    queues = await fill(pool, *names)
    worker = uuid4()
    async with pool.acquire() as connection:
        (queue,) = await claim(connection, worker, queues)
        await hold_webhook(connection, queue.dip_id, queue.channel, timedelta(hours=1))
        await release_queue(connection, worker, queue.id)
        assert await claim(connection, worker, queues) == []


async def test_one_worker_alone_tries_a_webhook_whose_breaker_is_open(pool: Pool) -> None:
    dip_id = "2300000107"
    queues = await fill(pool, QueueName(dip_id, "SUP", "IF-021"))
    async with pool.acquire() as connection:
        later = Breaker(State.OPEN, 5, 31, 1, datetime.now(UTC) + timedelta(hours=1), "answered 500")
        await keep_breaker(connection, dip_id, "IF-021", later, NOW)
        assert not await begin_probe(connection, dip_id, "IF-021", LEASE)
        (queue,) = await claim(connection, uuid4(), queues)
        assert queue.breaker == "open"
        assert await find_rest(connection, dip_id, "IF-021") > timedelta(minutes=59)
        await wake_queues(connection, dip_id)
        assert await begin_probe(connection, dip_id, "IF-021", LEASE)
        assert not await begin_probe(connection, dip_id, "IF-021", LEASE)
        assert await close_breaker(connection, dip_id, "IF-021")
        assert await lock_breaker(connection, dip_id, "IF-021") == Breaker()
        assert not await close_breaker(connection, dip_id, "IF-021")


async def test_the_alarm_of_a_queue_that_is_still_stopped_comes_again_when_it_was_cleared(pool: Pool) -> None:
    subject = "2300000108 IF-021"
    queues = await fill(pool, QueueName("2300000108", "SUP", "IF-021"))
    worker = uuid4()

    async def find(connection: Connection) -> list[str]:
        return [alarm.text for alarm in await list_alarms(connection) if alarm.subject == subject]

    async with pool.acquire() as connection:
        (queue,) = await claim(connection, worker, queues)
        await record_stop(connection, worker, an_attempt(queue, 404), queue.due_at)
        for _ in range(2):
            await remind_of_stopped_queues(connection, NOW)
            expected = "Deliveries of IF-021 to 2300000108 have stopped: the webhook answered 404."
            assert await find(connection) == [expected]
            await clear_alarms(connection, AlarmKind.QUEUE_STOPPED, subject, NOW)
        await wake_queues(connection, "2300000108")
        await remind_of_stopped_queues(connection, NOW)
        assert await find(connection) == []
