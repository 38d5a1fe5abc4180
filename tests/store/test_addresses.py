from datetime import date

from opendip.store.addresses import (
    AddressRow,
    LoadedAddresses,
    Responsible,
    find_responsible,
    load_addresses,
)
from opendip.store.pool import Connection, open_connection
from tests.builders import DATA_SERVICE, DISTRIBUTOR, SUPPLIER, add_small_market

MPAN = 2000056535971
OTHER_MPAN = 2000056535989
JANUARY, MARCH, JUNE = date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1)


def a_row(**changes: object) -> AddressRow:
    return AddressRow(1, MPAN, "SUP", SUPPLIER, JANUARY, None)._replace(**changes)  # type: ignore[arg-type]


async def load(connection: Connection, *rows: AddressRow) -> LoadedAddresses:
    async with connection.transaction():
        return await load_addresses(connection, rows)


async def test_whoever_covers_the_day_is_responsible(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await load(
            connection,
            a_row(ends_on=MARCH),
            a_row(dip_id=DATA_SERVICE, starts_on=MARCH, ends_on=JUNE),
            a_row(role="LDSO", dip_id=DISTRIBUTOR),
        )
        days = [date(2025, 12, 31), JANUARY, date(2026, 2, 28), MARCH, JUNE]

        found = await find_responsible(connection, [MPAN] * 5, ["SUP"], days)

    assert sorted(found) == [
        Responsible(MPAN, JANUARY, "SUP", SUPPLIER),
        Responsible(MPAN, date(2026, 2, 28), "SUP", SUPPLIER),
        Responsible(MPAN, MARCH, "SUP", DATA_SERVICE),
    ]


async def test_of_two_rows_that_cover_a_day_the_latest_to_begin_counts(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await load(connection, a_row(), a_row(dip_id=DATA_SERVICE, starts_on=MARCH))

        found = await find_responsible(connection, [MPAN], ["SUP"], [JUNE])

    assert found == [Responsible(MPAN, JUNE, "SUP", DATA_SERVICE)]


async def test_many_points_days_and_roles_are_looked_up_at_once(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await load(
            connection,
            a_row(),
            a_row(role="LDSO", dip_id=DISTRIBUTOR),
            a_row(mpan=OTHER_MPAN, role="LDSO", dip_id=DISTRIBUTOR),
        )

        found = await find_responsible(connection, [MPAN, OTHER_MPAN, 9], ["SUP", "LDSO"], [JUNE, MARCH, JUNE])

    assert sorted(found) == [
        Responsible(MPAN, JUNE, "LDSO", DISTRIBUTOR),
        Responsible(MPAN, JUNE, "SUP", SUPPLIER),
        Responsible(OTHER_MPAN, MARCH, "LDSO", DISTRIBUTOR),
    ]


async def test_a_load_tells_what_it_added_changed_and_left(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        first = await load(connection, a_row(), a_row(mpan=OTHER_MPAN))
        again = await load(connection, a_row(), a_row(mpan=OTHER_MPAN, ends_on=JUNE), a_row(mpan=7))

    assert first == LoadedAddresses(added=2)
    assert again == LoadedAddresses(added=1, changed=1, unchanged=1)


async def test_of_two_lines_with_the_same_key_the_later_counts(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        loaded = await load(connection, a_row(line=3, dip_id=DATA_SERVICE), a_row(line=2))

        assert await find_responsible(connection, [MPAN], ["SUP"], [JUNE]) == [
            Responsible(MPAN, JUNE, "SUP", DATA_SERVICE)
        ]
    assert loaded == LoadedAddresses(added=1)


async def test_several_loads_fit_in_one_transaction(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        async with connection.transaction():
            first = await load_addresses(connection, [a_row()])
            second = await load_addresses(connection, [a_row()])

    assert first + second == LoadedAddresses(added=1, unchanged=1)
