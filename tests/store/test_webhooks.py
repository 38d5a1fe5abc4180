from datetime import timedelta

from opendip.domain.market import STATUS_WEBHOOK
from opendip.operations.webhooks import pause_webhooks, resume_webhooks, wake_webhooks
from opendip.store.alarms import AlarmKind, list_alarms, raise_alarm
from opendip.store.market import load_market
from opendip.store.pool import Connection, open_connection
from opendip.store.queues import QueueName, list_queues
from opendip.store.webhooks import list_webhook_states, set_webhook
from tests.builders import DATA_SERVICE, NOW, SUPPLIER, a_webhook, add_small_market

LATER = NOW + timedelta(hours=1)


async def add_queue(connection: Connection, name: QueueName, tail: int, done: int) -> int:
    queue = (await list_queues(connection, [name]))[name]
    await connection.execute("update queue set tail = $2 where id = $1", queue, tail)
    await connection.execute("update queue_progress set done = $2 where queue = $1", queue, done)
    return queue


async def add_attempt(connection: Connection, queue: int, position: int, minutes: int, status: int | None) -> None:
    columns = "queue, from_position, to_position, attempted_on, attempted_at, duration_ms, status, outcome"
    await connection.execute(
        f"insert into attempt ({columns}) values ($1, $2, $2, $3::date, $4, 5, $5, $6)",
        *(queue, position, NOW.date(), NOW + timedelta(minutes=minutes), status, f"tried at {minutes}"),
    )


async def test_a_state_sums_up_all_queues_of_a_webhook_and_gives_the_last_answer(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await set_webhook(connection, a_webhook(max_message_rate=5), NOW)
        first = await add_queue(connection, QueueName(SUPPLIER, "SUP", "IF-021"), 10, 4)
        second = await add_queue(connection, QueueName(SUPPLIER, "LDSO", "IF-021"), 7, 7)
        await add_attempt(connection, first, 5, 1, 503)
        await add_attempt(connection, first, 5, 3, None)
        await add_attempt(connection, second, 2, 2, 201)
        query = "update queue_progress set stopped_at = $2, stopped_reason = 'answered 404' where queue = $1"
        await connection.execute(query, first, NOW)

        [state] = await list_webhook_states(connection, SUPPLIER, None, LATER)

    assert (state.waiting, state.max_message_rate, state.breaker) == (6, 5, "closed")
    assert (state.stopped_at, state.stopped_reason) == (NOW, "answered 404")
    assert (state.answer_status, state.outcome) == (None, "tried at 3")


async def test_what_waits_without_a_webhook_is_listed_too_and_what_does_not_is_not(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await add_queue(connection, QueueName(SUPPLIER, "SUP", "IF-021"), 3, 1)
        await add_queue(connection, QueueName(SUPPLIER, "SUP", "IF-013"), 3, 3)

        states = await list_webhook_states(connection, None, None, LATER)

    assert [(s.dip_id, s.channel, s.url, s.waiting) for s in states] == [(SUPPLIER, "IF-021", None, 2)]


async def test_one_that_waits_after_a_failure_says_until_when(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await set_webhook(connection, a_webhook(), NOW)
        failing = await add_queue(connection, QueueName(SUPPLIER, "SUP", "IF-021"), 3, 1)
        await connection.execute("update queue_progress set next_attempt_at = now() + interval '1 hour'")
        [paced] = await list_webhook_states(connection, SUPPLIER, None, LATER)
        await connection.execute("update queue_progress set failures = 1 where queue = $1", failing)
        [waiting] = await list_webhook_states(connection, SUPPLIER, None, LATER)
        retry_at = await connection.fetchval("select next_attempt_at from queue_progress where queue = $1", failing)

    assert (paced.retry_at, waiting.retry_at) == (None, retry_at)


async def test_to_resume_or_wake_clears_what_kept_deliveries_back_and_nobody_elses(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        for channel in ("IF-021", STATUS_WEBHOOK):
            await set_webhook(connection, a_webhook(channel=channel), NOW)
            await raise_alarm(connection, AlarmKind.QUEUE_STOPPED, f"{SUPPLIER} {channel}", "It answered 404.", NOW)
        await raise_alarm(connection, AlarmKind.QUEUE_STOPPED, f"{DATA_SERVICE} IF-021", "It answered 404.", NOW)

        paused = await pause_webhooks(connection, SUPPLIER, None, NOW)
        again = await pause_webhooks(connection, SUPPLIER, None, LATER)
        since = {hook.paused_at for hook in (await load_market(connection)).webhooks.values()}
        woken = await wake_webhooks(connection, SUPPLIER, "IF-021", LATER)
        alarms = {alarm.subject for alarm in await list_alarms(connection)}
        resumed = await resume_webhooks(connection, SUPPLIER, STATUS_WEBHOOK, LATER)
        market = await load_market(connection)
        left = {alarm.subject for alarm in await list_alarms(connection)}

    assert (sorted(paused), sorted(again), since) == (["IF-021", STATUS_WEBHOOK], ["IF-021", STATUS_WEBHOOK], {NOW})
    assert (woken, resumed) == (["IF-021"], [STATUS_WEBHOOK])
    assert alarms == {f"{SUPPLIER} {STATUS_WEBHOOK}", f"{DATA_SERVICE} IF-021"}
    assert left == {f"{DATA_SERVICE} IF-021"}
    assert market.webhooks[SUPPLIER, "IF-021"].paused_at == NOW
    assert market.webhooks[SUPPLIER, STATUS_WEBHOOK].paused_at is None
