"""Alarms: what an operator must look at. Raised and cleared in the transaction of what they are about."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import structlog

from opendip.store.pool import Connection
from opendip.store.queries import load_queries

log = structlog.get_logger()


class AlarmKind(StrEnum):
    """One section of docs/operate.md each."""

    QUEUE_STOPPED = "queue-stopped"
    BREAKER_OPEN = "breaker-open"
    DELIVERY_BROKEN = "delivery-broken"
    DEAD_LETTERS = "dead-letters"
    REQUEUE_FAILED = "requeue-failed"


class Alarm(NamedTuple):
    id: int
    kind: str
    subject: str
    text: str
    raised: int
    first_at: datetime
    last_at: datetime
    cleared_at: datetime | None


async def raise_alarm(connection: Connection, kind: AlarmKind, subject: str, text: str, now: datetime) -> None:
    """Say that something lasts. `subject`: recipient and channel, or what else it is about; no personal data."""
    query = load_queries("alarms")["raise_alarm"]
    if await connection.fetchval(query, kind.value, subject, text, now):
        log.error("alarm_raised", kind=kind.value, subject=subject, text=text)


async def clear_alarms(connection: Connection, kind: AlarmKind | None, subject: str, now: datetime) -> None:
    """What they were about is mended; None: alarms of every kind about that subject."""
    query = load_queries("alarms")["clear_alarms"]
    await connection.execute(query, kind and kind.value, subject, now)


async def list_alarms(connection: Connection, *, with_cleared: bool = False, most: int = 1000) -> list[Alarm]:
    rows = await connection.fetch(load_queries("alarms")["list_alarms"], with_cleared, most)
    return [Alarm(*row) for row in rows]


async def clear_numbered(connection: Connection, ids: Sequence[int], now: datetime) -> list[int]:
    """Clear these by hand; answers those that lasted. One whose cause lasts is raised again."""
    return [row[0] for row in await connection.fetch(load_queries("alarms")["clear_numbered"], ids, now)]


async def remind_of_stopped_queues(connection: Connection, now: datetime) -> None:
    """Raises again what was cleared though it lasts."""
    await connection.execute(load_queries("alarms")["remind_of_stopped_queues"], now)
