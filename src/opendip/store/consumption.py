"""What consumption replay looks for: the address book's history of a metering point, and the messages about it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from opendip.domain.consumption import Responsibility
from opendip.domain.market import Tenure
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class Record(NamedTuple):
    """Where a message about consumption is kept."""

    submission: int
    message_index: int
    accepted_on: date
    channel: str


@dataclass(frozen=True, slots=True)
class RecordSearch:
    """Messages about one metering point, accepted on a day or later."""

    mpan: int
    accepted_from: date
    sent_channel: str
    senders: Collection[str]
    """Who sent those of `sent_channel`."""
    received_channel: str
    """All of this one are found; whom each went to is told by its addresses."""


async def list_responsibilities(connection: Connection, mpan: int, role: str) -> list[Responsibility]:
    """Every row of the address book for this metering point and role, past and to come; rows may overlap."""
    rows = await connection.fetch(load_queries("consumption")["list_responsibilities"], mpan, role)
    return [Responsibility(row["dip_id"], Tenure(row["starts_on"], row["ends_on"])) for row in rows]


async def list_records(connection: Connection, search: RecordSearch, after: tuple[int, int], most: int) -> list[Record]:
    """The next ones in the order in which they were taken, after that (submission, index)."""
    s = search
    rows = await connection.fetch(
        load_queries("consumption")["list_records"],
        *(s.mpan, s.accepted_from, *after, s.sent_channel, list(s.senders), s.received_channel, most),
    )
    return [Record(*row) for row in rows]
