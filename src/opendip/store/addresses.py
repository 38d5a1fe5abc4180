"""The address book: who is responsible for a metering point (MPAN), in a role, on a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class AddressRow(NamedTuple):
    """One line of an address book: from the first day, up to but without the last (none: open)."""

    line: int
    mpan: int
    role: str
    dip_id: str
    starts_on: date
    ends_on: date | None


class Responsible(NamedTuple):
    """Who was responsible for a metering point on a day, in one role."""

    mpan: int
    day: date
    role: str
    dip_id: str


@dataclass(frozen=True, slots=True)
class LoadedAddresses:
    """What a load did to the address book."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "LoadedAddresses") -> "LoadedAddresses":
        return LoadedAddresses(self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged)


async def find_responsible(
    connection: Connection, mpans: Sequence[int], roles: Sequence[str], days: Sequence[date]
) -> list[Responsible]:
    """For each pair (mpans[i], days[i]) and each role whoever is responsible, if anybody is; in one query.

    Pairs given twice are answered twice; the order is not kept.
    """
    rows = await connection.fetch(load_queries("addresses")["find_responsible"], mpans, days, roles)
    return [Responsible(*row) for row in rows]


async def load_addresses(connection: Connection, rows: Iterable[AddressRow]) -> LoadedAddresses:
    """Merge rows into the book, within the caller's transaction; they are streamed, never held.

    A row replaces the one with the same metering point, role and first day; of two such rows given the
    later counts.
    """
    queries = load_queries("addresses")
    await connection.execute(queries["create_loading_table"])
    await connection.copy_records_to_table("address_loading", records=rows, columns=AddressRow._fields)
    counts = await connection.fetchrow(queries["merge_loaded"])
    await connection.execute(queries["drop_loading_table"])
    assert counts is not None
    added, changed = counts["added"], counts["changed"]
    return LoadedAddresses(added, changed, counts["given"] - added - changed)
