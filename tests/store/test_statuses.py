"""Status messages found again: page by page, across days, each once."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from opendip.domain.status_requests import WantedStatuses
from opendip.stages.replay import PageLimits
from opendip.stages.replay.statuses import STATUSES, StatusPage, choose_statuses, start_status_requeue
from opendip.store.clock import ensure_partitions
from opendip.store.pool import Connection, Pool, open_connection
from opendip.store.queues import QueueName, append_entries, list_queues
from opendip.store.requeue_jobs import claim_job

START = datetime(2026, 3, 20, 22, 0, tzinfo=UTC)
ALL = WantedStatuses(START, START + timedelta(days=30))
MANY = PageLimits(50_000, 2**25)


def an_entry(number: int, transaction: str | None = None) -> bytes:
    about = {"transactionID": transaction, "senderUniqueReference": None, "correlationID": None}
    return msgspec.json.encode({**about, "message": f"RCP1061 - number {number}"})


async def tell(connection: Connection, entries: list[bytes], at: datetime, *, is_again: bool = False) -> str:
    """To a recipient of the test's own, unless it was told before."""
    return await tell_more(connection, uuid4().hex[:10], entries, at, is_again=is_again)


async def tell_more(
    connection: Connection, dip_id: str, entries: list[bytes], at: datetime, *, is_again: bool = False
) -> str:
    [queue] = (await list_queues(connection, [QueueName(dip_id, "", "STATUS")])).values()
    await append_entries(connection, [], {queue: entries}, at, is_again=is_again)
    return dip_id


async def read_all(connection: Connection, dip_id: str, wanted: WantedStatuses, limits: PageLimits) -> list[StatusPage]:
    pages, after = [], -1
    while True:
        pages.append(await choose_statuses(connection, dip_id, wanted, after, limits))
        if pages[-1].reached is None:
            return pages
        after = pages[-1].reached


@pytest.mark.parametrize("days_have_partitions", [False, True])
async def test_they_come_in_order_across_days(pool: Pool, days_have_partitions: bool) -> None:
    async with pool.acquire() as connection:
        if days_have_partitions:
            await ensure_partitions(connection, START.date(), START.date() + timedelta(days=5), START.date())
        dip_id = await tell(connection, [an_entry(0)], START)
        for number in range(1, 5):
            await tell_more(connection, dip_id, [an_entry(number)], START + timedelta(hours=23 * number))
        [page] = await read_all(connection, dip_id, ALL, MANY)
        assert page.entries == [an_entry(number) for number in range(5)]
        middle = WantedStatuses(START + timedelta(hours=23), START + timedelta(hours=69))
        [page] = await read_all(connection, dip_id, middle, MANY)
        assert page.entries == [an_entry(1), an_entry(2)]


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        (PageLimits(3, 2**25), [3, 3, 1]),
        (PageLimits(7, 2**25), [7]),
        (PageLimits(50_000, 2 * len(an_entry(0)) + 10), [2, 2, 2, 1]),
        (PageLimits(50_000, 1), [1] * 7),
    ],
)
async def test_a_page_keeps_to_its_limits_and_the_next_goes_on(
    connection: Connection, limits: PageLimits, sizes: list[int]
) -> None:
    entries = [an_entry(number) for number in range(7)]
    dip_id = await tell(connection, entries, START)
    pages = await read_all(connection, dip_id, ALL, limits)
    assert [len(page.entries) for page in pages] == sizes
    assert [entry for page in pages for entry in page.entries] == entries


async def test_more_than_is_read_at_once_is_all_there(connection: Connection) -> None:
    entries = [an_entry(number) for number in range(7500)]
    dip_id = await tell(connection, entries, START)
    pages = await read_all(connection, dip_id, ALL, PageLimits(6500, 2**25))
    assert [len(page.entries) for page in pages] == [6500, 1000]
    assert [entry for page in pages for entry in page.entries] == entries


async def test_what_a_filter_leaves_is_found_among_many(connection: Connection) -> None:
    entries = [an_entry(number, f"T-{number % 1000}") for number in range(7500)]
    dip_id = await tell(connection, entries, START)
    wanted = WantedStatuses(ALL.from_at, ALL.until, transaction="T-700")
    pages = await read_all(connection, dip_id, wanted, PageLimits(1, 2**25))
    assert [entry for page in pages for entry in page.entries] == entries[700::1000]


async def test_what_stands_on_the_queue_once_more_is_passed_over(connection: Connection) -> None:
    dip_id = await tell(connection, [an_entry(1)], START)
    await tell_more(connection, dip_id, [an_entry(1)], START, is_again=True)
    await tell_more(connection, dip_id, [an_entry(2)], START)
    [page] = await read_all(connection, dip_id, ALL, MANY)
    assert page.entries == [an_entry(1), an_entry(2)]


async def test_nobody_has_those_of_others(connection: Connection) -> None:
    await tell(connection, [an_entry(1)], START)
    assert await read_all(connection, "1999999999", ALL, MANY) == [StatusPage((), None)]
    other = await tell(connection, [an_entry(2)], START)
    assert [page.entries for page in await read_all(connection, other, ALL, MANY)] == [[an_entry(2)]]


async def test_a_job_asks_for_nothing_that_was_queued_after_it(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection, connection.transaction():
        dip_id = await tell(connection, [an_entry(1), an_entry(2)], START)
        asked_at = START + timedelta(hours=1)
        assert await start_status_requeue(connection, ALL, dip_id, dip_id, uuid4(), asked_at)
        assert not await start_status_requeue(connection, ALL, dip_id, dip_id, uuid4(), asked_at)
        await tell_more(connection, dip_id, [an_entry(3)], START + timedelta(hours=2))
        job = await claim_job(connection)
        assert job is not None
        assert await STATUSES.count(connection, job) == 2
        done = await STATUSES.requeue_page(connection, job, START + timedelta(hours=3))
        assert (done.processed, done.is_last) == (2, True)
        query = "select entry from status_message where is_again order by last_position"
        assert [row[0] for row in await connection.fetch(query)] == [an_entry(1), an_entry(2)]
