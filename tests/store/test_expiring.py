"""What waits too long goes to the dead letters whole: once, with its sender told once, whoever else is at work."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio

from opendip.domain.market import STATUS_WEBHOOK, ChannelRule
from opendip.domain.publications import Wrapper
from opendip.operations.channels import UnusableRule, change_channel_rule
from opendip.stages.expire import Expirer, ExpiryRules
from opendip.store.alarms import list_alarms
from opendip.store.archive import Archive, ChunkAddressing
from opendip.store.channel_rules import set_channel_rule
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, find_spans, pack_chunks
from opendip.store.expiries import count_waiting_since
from opendip.store.leases import Attempt, Recorded, claim_queues, record_delivery, record_failure
from opendip.store.pool import Connection, Pool, open_pool
from opendip.store.queues import NewEntry, QueueName, append_entries, list_queues
from opendip.store.submissions import ChunkKey, Submission, keep_addressing, keep_submission
from opendip.store.watch import MarketWatch
from opendip.store.webhooks import pause_webhook, set_webhook
from tests.builders import DATA_SERVICE, NOW, SUPPLIER, TODAY, a_webhook, add_small_market
from tests.journeys.drafts import draft

AFTER = timedelta(days=14)
OLD = NOW - AFTER
YOUNG = NOW - AFTER + timedelta(seconds=1)
LEASE = timedelta(minutes=5)
QUEUE = QueueName(SUPPLIER, "SUP", "IF-021")
STATUSES = QueueName(DATA_SERVICE, "", STATUS_WEBHOOK)


@pytest_asyncio.fixture(loop_scope="session")
async def pool(fresh_database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(fresh_database_url, "dip tests") as pool:
        async with pool.acquire() as connection:
            await add_small_market(connection)
        yield pool


async def make_expirer(pool: Pool) -> Expirer:
    archive = Archive(1, lambda s: Wrapper(s.id, s.accepted_at, s.channel, "PUB-021", frozenset()))
    rules = ExpiryRules("0000000000", AFTER, "Message Processing Failed")
    return Expirer(pool, archive, rules, await MarketWatch.open(pool, "0000000000"))


async def expire(pool: Pool) -> None:
    expirer = await make_expirer(pool)
    while await expirer.expire_due(NOW):
        pass


async def keep(connection: Connection, number: int, count: int) -> None:
    """A submission of so many messages, as accepting and routing leave it."""
    message = msgspec.json.encode(draft(sender=DATA_SERVICE, periods=1))
    body = b"[" + b",".join([message] * count) + b"]"
    chunks = list(pack_chunks(body, find_spans(body, msgspec.json.decode(body, type=list[msgspec.Raw]))))
    text = {"method": "POST", "url": "", "signature_date": "", "signing_certificate": "", "answer": b"", "status": 201}
    proof = {"signature": b"", "content_hash": b"", "signature_digest": number.to_bytes(32, "big"), "refused": []}
    rest = {"channel": "IF-021", "caller_dip_id": DATA_SERVICE, "message_count": count, "accepted_at": NOW}
    await keep_submission(connection, Submission(id=number, **rest, **text, **proof), chunks, count)  # type: ignore[arg-type]
    rows = [
        (ChunkKey(number, n, TODAY), ChunkAddressing([b"{}"], [0] * min(MESSAGES_IN_A_CHUNK, count - n * 250)).pack())
        for n in range(len(chunks))
    ]
    await keep_addressing(connection, rows)


async def queue(pool: Pool, count: int, queued_at: datetime = OLD, number: int = 1, replay: int | None = None) -> int:
    async with pool.acquire() as connection, connection.transaction():
        await keep(connection, number, count)
        found = (await list_queues(connection, [QUEUE]))[QUEUE]
        entry = NewEntry(found, number, TODAY, list(range(count)), queued_at, replay)
        await append_entries(connection, [entry], {}, queued_at)
    return found


async def read_letters(pool: Pool) -> list[tuple[object, ...]]:
    async with pool.acquire() as connection:
        query = "select position, message_index, kind, owner, code, text from dead_letter order by position"
        return [tuple(row) for row in await connection.fetch(query)]


async def read_statuses(pool: Pool) -> list[dict[str, str]]:
    async with pool.acquire() as connection:
        rows = await connection.fetch("select entry from status_message order by queue, last_position")
    return [msgspec.json.decode(row[0]) for row in rows]


async def count_waiting(pool: Pool, queue: int) -> int:
    async with pool.acquire() as connection:
        query = "select tail - done from queue join queue_progress on queue = id where id = $1"
        return int(await connection.fetchval(query, queue))


async def claim(pool: Pool, lease: timedelta = LEASE) -> tuple[object, Sequence[object]]:
    worker = uuid4()
    async with pool.acquire() as connection:
        return worker, await claim_queues(connection, worker, lease, 100, {})


async def test_what_is_too_old_is_a_dead_letter_and_its_sender_is_told(pool: Pool) -> None:
    number = await queue(pool, 3)
    await queue(pool, 2, YOUNG, number=2)
    await expire(pool)
    reason = "the recipient has set no webhook"
    assert await read_letters(pool) == [(n, n - 1, "expired", "recipient", "MSG1000", reason) for n in (1, 2, 3)]
    statuses = await read_statuses(pool)
    assert [s["transactionID"][-5:] for s in statuses] == ["00000", "00001", "00002"]
    assert {s["message"] for s in statuses} == {"MSG1000 - Message Processing Failed"}
    assert {(s["senderID"], s["recipientID"]) for s in statuses} == {("0000000000", DATA_SERVICE)}
    assert f"Not delivered to {SUPPLIER} in 14 days: {reason}." in statuses[0]["help"]
    assert await count_waiting(pool, number) == 2
    async with pool.acquire() as connection:
        (alarm,) = await list_alarms(connection)
    assert (alarm.kind, alarm.subject) == ("dead-letters", f"{SUPPLIER} IF-021")


async def test_a_million_would_go_in_steps_and_all_of_them_go(pool: Pool) -> None:
    await queue(pool, 2600)
    await expire(pool)
    assert len(await read_letters(pool)) == 2600
    assert len(await read_statuses(pool)) == 2600


async def test_two_who_expire_at_once_bury_each_message_once(pool: Pool) -> None:
    for number in range(1, 9):
        await queue(pool, 400, number=number)
    await asyncio.gather(*(expire(pool) for _ in range(3)))
    await expire(pool)
    assert len(await read_letters(pool)) == 3200
    told = Counter(s["transactionID"] for s in await read_statuses(pool))
    assert (len(told), set(told.values())) == (3200, {1})


async def test_a_worker_that_dies_in_the_midst_loses_and_doubles_nothing(pool: Pool, fresh_database_url: str) -> None:
    """As PostgreSQL sees a kill -9: the connection is gone between two statements, or in one."""
    await queue(pool, 5200)
    random = Random(20260321)
    for _ in range(12):
        async with open_pool(fresh_database_url, "dip dying", most=2) as mortal:
            dying = asyncio.create_task(expire(mortal))
            await asyncio.sleep(random.random() / 10)
            async with pool.acquire() as connection:
                query = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dip dying'"
                await connection.execute(f"{query} and datname = current_database()")
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
    await expire(pool)
    assert [row[0] for row in await read_letters(pool)] == list(range(1, 5201))
    told = Counter(s["transactionID"] for s in await read_statuses(pool))
    assert (len(told), set(told.values())) == (5200, {1})


async def test_a_queue_that_is_being_delivered_is_left_alone(pool: Pool) -> None:
    await queue(pool, 3)
    await claim(pool)
    await expire(pool)
    assert await read_letters(pool) == []


async def test_whoever_lost_the_lease_cannot_record_a_delivery_of_what_has_expired(pool: Pool) -> None:
    number = await queue(pool, 3)
    worker, (leased,) = await claim(pool, timedelta(0))
    await expire(pool)
    attempt = Attempt(number, 1, 2, NOW, timedelta(seconds=1), 201, "delivered")
    async with pool.acquire() as connection:
        recorded = await record_delivery(connection, worker, leased, attempt, TODAY, LEASE)  # type: ignore[arg-type]
    assert recorded is Recorded.LEASE_LOST
    assert (len(await read_letters(pool)), await count_waiting(pool, number)) == (3, 0)


async def test_an_old_message_behind_a_younger_one_waits_until_it_comes_to_the_head(pool: Pool) -> None:
    number = await queue(pool, 1, YOUNG)
    await queue(pool, 1, OLD, number=2)
    await expire(pool)
    assert (await read_letters(pool), await count_waiting(pool, number)) == ([], 2)


async def test_a_status_message_that_expires_makes_no_status_message(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        number = (await list_queues(connection, [STATUSES]))[STATUSES]
        await append_entries(connection, [], {number: [b"{}", b"{}"]}, OLD)
    await expire(pool)
    assert [row[:4] for row in await read_letters(pool)] == [(n, None, "expired", "recipient") for n in (1, 2)]
    assert len(await read_statuses(pool)) == 2
    assert await count_waiting(pool, number) == 0


async def test_a_channel_has_its_own_time(pool: Pool) -> None:
    await queue(pool, 1)
    async with pool.acquire() as connection:
        await set_channel_rule(connection, ChannelRule("IF-021", dead_letter_after=AFTER + timedelta(days=1)), NOW)
    await expire(pool)
    assert await read_letters(pool) == []
    async with pool.acquire() as connection:
        await set_channel_rule(connection, ChannelRule("IF-021", dead_letter_after=timedelta(hours=1)), NOW)
    await expire(pool)
    assert "in 1 hour:" in (await read_statuses(pool))[0]["help"]


async def test_the_last_failure_is_the_reason(pool: Pool) -> None:
    number = await queue(pool, 1)
    async with pool.acquire() as connection:
        await set_webhook(connection, a_webhook(), NOW)
        for outcome in ("answered 500", "the webhook could not be reached"):
            worker, _ = await claim(pool)
            attempt = Attempt(number, 1, 1, NOW, timedelta(seconds=1), None, outcome)
            await record_failure(connection, worker, attempt, timedelta(0), NOW)  # type: ignore[arg-type]
            await connection.execute("update queue_progress set next_attempt_at = now()")
            await connection.execute("update attempt set attempted_at = attempted_at - interval '1 minute'")
    await expire(pool)
    assert [row[-1] for row in await read_letters(pool)] == ["the webhook could not be reached"]


async def test_messages_for_a_paused_webhook_expire_too(pool: Pool) -> None:
    await queue(pool, 1)
    async with pool.acquire() as connection:
        await set_webhook(connection, a_webhook(), NOW)
        await pause_webhook(connection, SUPPLIER, "IF-021", NOW)
    await expire(pool)
    assert [row[-1] for row in await read_letters(pool)] == ["its webhook is paused since 2026-03-21"]


async def test_a_message_that_cannot_be_read_is_the_platforms_and_holds_up_nobody(pool: Pool) -> None:
    number = await queue(pool, 2)
    await queue(pool, 1, number=2)
    async with pool.acquire() as connection:
        await connection.execute("update chunk set content = '\\x00' where submission = 1")
    await expire(pool)
    assert [(row[0], row[3]) for row in await read_letters(pool)] == [
        (1, "platform"),
        (2, "platform"),
        (3, "recipient"),
    ]
    assert len(await read_statuses(pool)) == 1
    assert await count_waiting(pool, number) == 0


async def test_the_sender_hears_nothing_of_a_replay_that_only_its_recipient_asked_for(pool: Pool) -> None:
    await queue(pool, 1, replay=7)
    await expire(pool)
    assert list(await read_statuses(pool)) == []
    async with pool.acquire() as connection:
        assert await connection.fetchval("select replay from dead_letter") == 7


async def test_a_time_below_a_day_is_refused_with_what_it_would_bury_unless_it_is_forced(pool: Pool) -> None:
    await queue(pool, 5)
    await queue(pool, 3, YOUNG, number=2)
    async with pool.acquire() as connection:
        for after, waiting in ((timedelta(minutes=1), "8 messages wait"), (timedelta(hours=23), "8 messages wait")):
            with pytest.raises(UnusableRule, match=waiting):
                await shorten(connection, QUEUE.channel, after)
        await connection.execute("update queue_progress set done = 3")
        with pytest.raises(UnusableRule, match="5 messages wait on IF-021 longer than 1 hour now"):
            await shorten(connection, QUEUE.channel, timedelta(hours=1))
        await connection.execute("update queue_progress set done = 7")
        with pytest.raises(UnusableRule, match="1 message waits"):
            await shorten(connection, QUEUE.channel, timedelta(hours=1))
        with pytest.raises(UnusableRule, match="0 messages wait on STATUS"):
            await shorten(connection, STATUS_WEBHOOK, timedelta(hours=1))
        await shorten(connection, QUEUE.channel, timedelta(days=1))
        rule = await shorten(connection, QUEUE.channel, timedelta(minutes=1), is_forced=True)
    assert rule.dead_letter_after == timedelta(minutes=1)


async def test_of_what_waits_only_what_is_older_is_counted(pool: Pool) -> None:
    await queue(pool, 5)
    await queue(pool, 3, YOUNG, number=2)
    async with pool.acquire() as connection:
        found = (await list_queues(connection, [STATUSES]))[STATUSES]
        await append_entries(connection, [], {found: [b"{}", b"{}"]}, OLD)
        places = [(name.channel, at) for name in (QUEUE, STATUSES) for at in (OLD, NOW)]
        counts = [await count_waiting_since(connection, channel, at) for channel, at in places]
    assert counts == [5, 8, 2, 2]


async def shorten(connection: Connection, channel: str, after: timedelta, *, is_forced: bool = False) -> ChannelRule:
    changes, known = {"dead_letter_after": after}, [QUEUE.channel]
    return await change_channel_rule(connection, channel, changes, known, ChannelRule(""), NOW, is_forced=is_forced)
