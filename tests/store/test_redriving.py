"""Dead letters put back or put away by an operator: each once, whoever else does so, whatever dies meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio

from opendip.domain.market import STATUS_WEBHOOK
from opendip.operations.dead_letters import NoSuchLetter, describe_letters, show_letter
from opendip.operations.redriving import dismiss, make_entries, redrive
from opendip.store.alarms import AlarmKind, list_alarms, raise_alarm
from opendip.store.dead_letters import (
    DeadLetter,
    Kind,
    LetterFilter,
    NewDeadLetter,
    Owner,
    find_last_letter,
    keep_dead_letters,
    lock_dead_letters,
)
from opendip.store.pool import Connection, Pool, open_pool
from opendip.store.queues import Entry, QueueName, append_entries, list_entries, list_queues, list_status_messages
from tests.builders import DATA_SERVICE, DISTRIBUTOR, NOW, SUPPLIER, TODAY

EVERYTHING = LetterFilter()


@pytest_asyncio.fixture(loop_scope="session")
async def pool(fresh_database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(fresh_database_url, "dip tests") as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="session")
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection


def get_time() -> datetime:
    return NOW


async def bury(
    connection: Connection,
    count: int,
    dip_id: str = SUPPLIER,
    kind: Kind = Kind.EXPIRED,
    first: int = 1,
    **changes: int,
) -> int:
    name = QueueName(dip_id, "SUP", "IF-021")
    queue = (await list_queues(connection, [name]))[name]
    letters = [
        NewDeadLetter(p, 1, p - 1, TODAY, "MSG1000", "no answer in time", **changes)
        for p in range(first, first + count)
    ]
    owner = Owner.RECIPIENT if kind is Kind.EXPIRED else Owner.BUSINESS
    await keep_dead_letters(connection, queue, kind, owner, letters, NOW)
    if kind is Kind.EXPIRED:
        await raise_alarm(connection, AlarmKind.DEAD_LETTERS, f"{dip_id} IF-021", "Not delivered.", NOW)
    return queue


async def read_entries(connection: Connection, queue: int) -> list[Entry]:
    return await list_entries(connection, queue, 0, TODAY, 10_000)


async def list_ids(connection: Connection, wanted: LetterFilter = EVERYTHING, *, settled: bool = False) -> list[int]:
    return [d.letter.position async for d in describe_letters(connection, wanted, settled, None)]


async def test_a_dead_letter_stands_on_its_queue_again_as_new(connection: Connection) -> None:
    queue = await bury(connection, 3, replay=7)
    assert (await redrive(connection, EVERYTHING, get_time)).count == 3
    (entry,) = await read_entries(connection, queue)
    assert (entry.submission, entry.accepted_on, entry.members) == (1, TODAY, [0, 1, 2])
    assert (entry.queued_at, entry.replay) == (NOW, 7)


async def test_none_is_put_back_twice(connection: Connection) -> None:
    queue = await bury(connection, 3)
    assert (await redrive(connection, LetterFilter(ids=[1]), get_time)).count == 1
    assert (await redrive(connection, EVERYTHING, get_time)).count == 2
    assert (await redrive(connection, EVERYTHING, get_time)).count == 0
    assert sum(e.message_count for e in await read_entries(connection, queue)) == 3


async def test_two_operators_at_once_put_each_back_once(pool: Pool) -> None:
    async with pool.acquire() as connection:
        queue = await bury(connection, 4000)

    async def put_back() -> int:
        async with pool.acquire() as connection:
            return (await redrive(connection, EVERYTHING, get_time)).count

    counts = await asyncio.gather(*(put_back() for _ in range(4)))
    async with pool.acquire() as connection:
        counts.append((await redrive(connection, EVERYTHING, get_time)).count)
        members = [m for entry in await read_entries(connection, queue) for m in entry.members]
    assert sum(counts) == 4000
    assert sorted(members) == list(range(4000))


async def test_one_who_is_stopped_in_the_midst_loses_and_doubles_nothing(pool: Pool) -> None:
    async with pool.acquire() as connection:
        queue = await bury(connection, 6000)

    async def put_back() -> None:
        async with pool.acquire() as connection:
            await redrive(connection, EVERYTHING, get_time)

    for number in range(8):
        dying = asyncio.create_task(put_back())
        await asyncio.sleep(0.004 * number)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    await put_back()
    async with pool.acquire() as connection:
        members = [m for entry in await read_entries(connection, queue) for m in entry.members]
    assert members == list(range(6000))


async def test_what_dies_while_others_are_put_back_is_left(connection: Connection) -> None:
    """However short the channel's time is, redriving comes to an end."""
    await bury(connection, 600)
    last = await find_last_letter(connection)
    await bury(connection, 1, first=601)
    assert len(await lock_dead_letters(connection, EVERYTHING, 0, last, 1000)) == 600


async def test_a_redriven_queue_is_due_at_once_also_when_it_had_stopped(connection: Connection) -> None:
    queue = await bury(connection, 1)
    await connection.execute(
        "update queue_progress set stopped_at = now(), next_attempt_at = now() + interval '1 hour'"
    )
    await redrive(connection, EVERYTHING, get_time)
    query = "select stopped_at is null and next_attempt_at <= now() from queue_progress where queue = $1"
    assert await connection.fetchval(query, queue)


async def test_a_status_message_is_sent_again_as_it_was(connection: Connection) -> None:
    name = QueueName(DATA_SERVICE, "", STATUS_WEBHOOK)
    queue = (await list_queues(connection, [name]))[name]
    async with connection.transaction():
        await append_entries(connection, [], {queue: [b'{"transactionID":"T-1"}']}, NOW)
    letters = [NewDeadLetter(p, None, None, None, "MSG1000", "no answer in time") for p in (1, 2)]
    await keep_dead_letters(connection, queue, Kind.EXPIRED, Owner.RECIPIENT, letters, NOW)
    settled = await redrive(connection, EVERYTHING, get_time)
    assert (settled.count, settled.missing) == (1, 1)
    texts = [s.entry for s in await list_status_messages(connection, queue, 0, TODAY, 10)]
    assert texts == [b'{"transactionID":"T-1"}'] * 2
    assert await list_ids(connection) == [2]


async def test_the_alarm_lasts_until_every_expired_message_is_settled(connection: Connection) -> None:
    await bury(connection, 2)
    await bury(connection, 1, kind=Kind.REFUSED, first=3)
    await bury(connection, 1, DISTRIBUTOR)
    await redrive(connection, LetterFilter(ids=[1]), get_time)
    assert len(await list_alarms(connection)) == 2
    assert (await dismiss(connection, LetterFilter(ids=[2]), "not needed any more", get_time)).count == 1
    assert [alarm.subject for alarm in await list_alarms(connection)] == [f"{DISTRIBUTOR} IF-021"]
    query = "select settlement, settled_text from dead_letter where id = 2"
    assert tuple(await connection.fetchrow(query) or ()) == ("dismissed", "not needed any more")


async def test_filters_choose(connection: Connection) -> None:
    await bury(connection, 2)
    await bury(connection, 2, kind=Kind.REFUSED, first=3)
    await bury(connection, 1, DISTRIBUTOR)
    assert await list_ids(connection) == [1, 4, 3, 2, 1]
    assert await list_ids(connection, LetterFilter(dip_id=SUPPLIER)) == [4, 3, 2, 1]
    assert await list_ids(connection, LetterFilter(kind="refused")) == [4, 3]
    assert await list_ids(connection, LetterFilter(owner="recipient", dip_id=SUPPLIER)) == [2, 1]
    assert await list_ids(connection, LetterFilter(channel="IF-013")) == []
    assert await list_ids(connection, LetterFilter(since=NOW)) == [1, 4, 3, 2, 1]
    assert await list_ids(connection, LetterFilter(until=NOW)) == []
    await dismiss(connection, LetterFilter(kind="refused"), "agreed between them", get_time)
    assert await list_ids(connection) == [1, 2, 1]
    assert await list_ids(connection, settled=True) == [4, 3]


async def test_a_number_that_is_none_is_said_to_be_none(connection: Connection) -> None:
    with pytest.raises(NoSuchLetter, match="no dead letter 77"):
        await show_letter(connection, 77)


def a_letter(queue: int, submission: int, index: int, replay: int | None = None) -> DeadLetter:
    why = ("expired", "recipient", "MSG1000", "no answer in time", NOW)
    return DeadLetter(1, queue, 1, SUPPLIER, "SUP", "IF-021", submission, index, TODAY, replay, *why, None, None, None)


def test_messages_that_follow_each_other_in_a_submission_share_an_entry() -> None:
    letters = [a_letter(1, 1, 0), a_letter(1, 1, 5), a_letter(1, 1, 2), a_letter(1, 2, 3), a_letter(1, 2, 4, 7)]
    assert [(e.submission, list(e.members), e.replay) for e in make_entries([*letters, a_letter(2, 2, 5, 7)])] == [
        (1, [0, 5], None),
        (1, [2], None),
        (2, [3], None),
        (2, [4], 7),
        (2, [5], 7),
    ]
