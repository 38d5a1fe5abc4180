"""Queues whose next message has waited too long: found, locked for a step, passed over."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class OverdueQueue(NamedTuple):
    """A queue as it stands; nobody else changes it until the transaction ends."""

    id: int
    dip_id: str
    role: str
    channel: str
    done: int
    done_on: date
    failures: int
    stopped_reason: str | None


async def list_overdue(connection: Connection, before: Mapping[str, datetime], others: datetime) -> list[int]:
    """Queues whose next message was queued before that time, channel by channel; the longest wait first."""
    rows = await connection.fetch(load_queries("expiries")["list_overdue"], list(before), list(before.values()), others)
    return [row[0] for row in rows]


async def count_waiting_since(connection: Connection, channel: str, before: datetime) -> int:
    """Messages of that channel that were queued by then and wait still."""
    return int(await connection.fetchval(load_queries("expiries")["count_waiting_since"], channel, before))


async def claim_overdue(connection: Connection, queue: int) -> OverdueQueue | None:
    """None when somebody delivers from it or takes a step of it; it is left to them."""
    row = await connection.fetchrow(load_queries("expiries")["claim_overdue"], queue)
    return None if row is None else OverdueQueue(*row)


async def pass_over(connection: Connection, queue: int, position: int, day: date) -> None:
    """Go on behind this position, whose entry was queued on that day."""
    await connection.execute(load_queries("expiries")["pass_over"], queue, position, day)


async def find_last_outcome(connection: Connection, queue: int, since: date) -> str | None:
    outcome: str | None = await connection.fetchval(load_queries("expiries")["find_last_outcome"], queue, since)
    return outcome
