"""When the database's clock is put back, nothing waits for the time it has lost."""

from datetime import timedelta

from opendip.store.clock import follow_database_clock
from opendip.store.pool import Connection
from opendip.store.queues import QueueName, list_queues

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=20)
LEASE = timedelta(seconds=20)


async def put_back(connection: Connection, step: timedelta) -> None:
    """The same as to have seen later times before."""
    await connection.execute("update database_clock set seen_at = now() + $1::interval", step)


async def test_a_clock_that_goes_on_changes_nothing(connection: Connection):
    assert await follow_database_clock(connection, LEASE) == timedelta(0)
    assert await follow_database_clock(connection, LEASE) == timedelta(0)


async def test_what_waits_for_a_time_waits_no_longer_than_was_meant(connection: Connection):
    [queue] = (await list_queues(connection, [QueueName("2300000012", "SUP", "IF-021")])).values()
    await connection.execute(
        "update queue_progress set leased_until = now() + $1::interval, next_attempt_at = now() + $1::interval",
        HOUR + SOON,
    )
    await connection.execute(
        "insert into breaker values ('2300000012', 'IF-021', 'open', 5, 31, 1, now() + $1::interval, 'x', now())",
        HOUR + SOON,
    )
    await connection.execute("insert into intake values (1, '2026-03-21', 1, now() + $1::interval)", HOUR)
    await put_back(connection, HOUR)
    assert abs(await follow_database_clock(connection, LEASE) - HOUR) < SOON
    row = await connection.fetchrow(
        """select p.leased_until - now() as lease, p.next_attempt_at - now() as pause, b.until - now() as open,
            i.route_after - now() as aside from queue_progress p, breaker b, intake i where p.queue = $1""",
        queue,
    )
    assert row is not None
    assert all(waits <= SOON for waits in row.values())
    assert await follow_database_clock(connection, LEASE) == timedelta(0)


async def test_what_was_due_stays_due(connection: Connection):
    [queue] = (await list_queues(connection, [QueueName("2300000012", "SUP", "IF-031")])).values()
    query = "select next_attempt_at from queue_progress where queue = $1"
    before = await connection.fetchval(query, queue)
    await put_back(connection, HOUR)
    await follow_database_clock(connection, LEASE)
    assert await connection.fetchval(query, queue) == before


async def test_a_lease_that_was_renewed_since_is_left_to_its_worker(connection: Connection):
    [queue] = (await list_queues(connection, [QueueName("2300000012", "SUP", "IF-036")])).values()
    lease = "update queue_progress set leased_until = now() + $2::interval where queue = $1 returning leased_until"
    before = await connection.fetchval(lease, queue, LEASE / 2)
    await put_back(connection, HOUR)
    await follow_database_clock(connection, LEASE)
    assert await connection.fetchval("select leased_until from queue_progress where queue = $1", queue) == before
