import asyncio
from datetime import UTC, date, datetime, timedelta

from opendip.store.clock import ensure_partitions
from opendip.store.pool import Pool, open_connection
from opendip.store.submissions import Claim, MessageRow, advance_numbers, claim_references, keep_messages

DAY = date(2026, 3, 21)


def some_claims(*numbers: int) -> list[Claim]:
    return [Claim(place, 20260321, number.to_bytes(16, "big")) for place, number in enumerate(numbers)]


async def claim(pool: Pool, submission: int, *numbers: int) -> set[int]:
    async with pool.acquire() as connection, connection.transaction():
        return await claim_references(connection, submission, some_claims(*numbers))


async def test_a_reference_is_free_once(pool: Pool) -> None:
    assert await claim(pool, 1, 11, 12) == {0, 1}
    assert await claim(pool, 2, 12, 13) == {1}


async def test_of_many_who_claim_the_same_references_at_once_one_gets_each(pool: Pool) -> None:
    numbers = list(range(1000, 1400))
    shuffled = [numbers[k:] + numbers[:k] for k in range(0, 400, 50)]
    won = await asyncio.gather(*(claim(pool, 10 + k, *order) for k, order in enumerate(shuffled)))
    winners = [order[place] for order, places in zip(shuffled, won, strict=True) for place in places]
    assert sorted(winners) == numbers


async def test_index_rows_are_written_as_they_are(pool: Pool) -> None:
    rows = [
        MessageRow(0, 2000056535971, "ActivePower", "1109012345", None),
        MessageRow(1, None, "LSSPeriodData", "1900000018", "CI-20260321-00aF"),
    ]
    async with pool.acquire() as connection:
        await keep_messages(connection, 99, DAY, rows)
        found = await connection.fetch("select * from message where submission = 99 order by index")
    assert [tuple(row) for row in found] == [
        (99, 2000056535971, 0, DAY, "ActivePower", "1109012345", None),
        (99, None, 1, DAY, "LSSPeriodData", "1900000018", "CI-20260321-00aF"),
    ]


async def test_a_partition_made_late_takes_over_what_the_default_one_had_caught(fresh_database_url: str) -> None:
    far = datetime.now(UTC).date() + timedelta(days=400)
    number = int(f"{far:%Y%m%d}")
    async with open_connection(fresh_database_url) as connection:
        await keep_messages(connection, 1, far, [MessageRow(0, 1, "ActivePower", "1109012345", None)])
        async with connection.transaction():
            await claim_references(connection, 1, [Claim(0, number, b"\x01" * 16)])
        assert await ensure_partitions(connection, far, far, far) == 8
        assert await ensure_partitions(connection, far, far, far) == 0
        for table in ("message", "sender_reference"):
            assert await connection.fetchval(f"select count(*) from {table}_rest") == 0
            assert await connection.fetchval(f"select count(*) from {table}_{far:%Y%m%d}") == 1
        async with connection.transaction():
            assert await claim_references(connection, 2, [Claim(0, number, b"\x01" * 16)]) == set()


async def test_a_reference_whose_digits_are_no_date_is_unique_all_the_same(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        assert await claim_references(connection, 1, [Claim(0, 20222313, b"\x07" * 16)]) == {0}
        assert await claim_references(connection, 2, [Claim(0, 20222313, b"\x07" * 16)]) == set()


async def test_numbers_go_on_from_the_clock_and_never_back(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await advance_numbers(connection)
        first = await connection.fetchval("select nextval('submission_number')")
        await connection.execute("select setval('submission_number', $1)", first + 10**9)
        await advance_numbers(connection)
        assert await connection.fetchval("select nextval('submission_number')") == first + 10**9 + 1
    assert first > 16_000 * 200_000_000
