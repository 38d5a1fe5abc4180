"""Status messages that were queued for a recipient, found again by time."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from opendip.domain.market import STATUS_WEBHOOK
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class KeptStatus(NamedTuple):
    """A status message as it was queued, encoded as JSON."""

    position: int
    entry: bytes


async def find_status_queue(connection: Connection, dip_id: str) -> int | None:
    queue: int | None = await connection.fetchval(load_queries("statuses")["find_status_queue"], dip_id, STATUS_WEBHOOK)
    return queue


async def list_statuses(
    connection: Connection, queue: int, after: int, from_at: datetime, until: datetime, most: int
) -> list[KeptStatus]:
    """The next ones after that position."""
    days = _list_days(from_at, until)
    rows = await connection.fetch(load_queries("statuses")["list_statuses"], queue, after, *days, from_at, until, most)
    return [KeptStatus(*row) for row in rows]


async def count_statuses(connection: Connection, queue: int, from_at: datetime, until: datetime) -> int:
    days = _list_days(from_at, until)
    return int(await connection.fetchval(load_queries("statuses")["count_statuses"], queue, *days, from_at, until))


def _list_days(from_at: datetime, until: datetime) -> tuple[date, date]:
    """Those whose partitions are read: a status message is kept under the day on which it was queued, in UTC."""
    return from_at.astimezone(UTC).date(), until.astimezone(UTC).date()
