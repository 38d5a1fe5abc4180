"""Dead letters: messages and status messages that did not arrive, why, and who is to act (FS 5.5.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from opendip.store.alarms import AlarmKind, clear_alarms
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class Kind(StrEnum):
    """What became of it."""

    EXPIRED = "expired"
    REFUSED = "refused"


class Owner(StrEnum):
    """Who is to act: the DIP's operator, the recipient, or sender and recipient between them."""

    PLATFORM = "platform"
    RECIPIENT = "recipient"
    BUSINESS = "business"


class NewDeadLetter(NamedTuple):
    """One message of a queue that will not be delivered; without a submission, a status message."""

    position: int
    submission: int | None
    message_index: int | None
    accepted_on: date | None
    code: str
    text: str
    replay: int | None = None
    """The replay under whose transaction id it went."""


async def keep_dead_letters(
    connection: Connection, queue: int, kind: Kind, owner: Owner, letters: Sequence[NewDeadLetter], now: datetime
) -> None:
    """All of one queue; one that is there already stays as it is."""
    if not letters:
        return
    columns = [list(column) for column in zip(*letters, strict=True)]
    await connection.execute(
        load_queries("dead_letters")["keep_dead_letters"], queue, kind.value, owner.value, now, *columns
    )


class Settlement(StrEnum):
    """What an operator made of it."""

    REDRIVEN = "redriven"
    DISMISSED = "dismissed"


class DeadLetter(NamedTuple):
    """One as it is kept."""

    id: int
    queue: int
    position: int
    dip_id: str
    role: str
    channel: str
    submission: int | None
    message_index: int | None
    accepted_on: date | None
    replay: int | None
    kind: str
    owner: str
    code: str
    text: str
    created_at: datetime
    settled_at: datetime | None
    settlement: str | None
    settled_text: str | None


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters are meant; what is None leaves all."""

    ids: Sequence[int] | None = None
    dip_id: str | None = None
    channel: str | None = None
    kind: str | None = None
    owner: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def spread(self) -> tuple[object, ...]:
        """In the order the queries take them."""
        return self.ids, self.dip_id, self.channel, self.kind, self.owner, self.since, self.until


class PastAttempt(NamedTuple):
    attempted_at: datetime
    status: int | None
    outcome: str


async def list_dead_letters(
    connection: Connection, wanted: LetterFilter, is_settled: bool | None, before: int, most: int
) -> list[DeadLetter]:
    """Those with a smaller id than `before`, the latest first."""
    query = load_queries("dead_letters")["list_dead_letters"]
    rows = await connection.fetch(query, *wanted.spread(), is_settled, before, most)
    return [DeadLetter(*row) for row in rows]


async def lock_dead_letters(
    connection: Connection, wanted: LetterFilter, after: int, last: int, most: int
) -> list[DeadLetter]:
    """Open ones with ids behind `after` and up to `last`, the oldest first, for the transaction to settle."""
    query = load_queries("dead_letters")["lock_dead_letters"]
    rows = await connection.fetch(query, *wanted.spread(), after, last, most)
    return [DeadLetter(*row) for row in rows]


async def find_last_letter(connection: Connection) -> int:
    """The greatest id there is."""
    return int(await connection.fetchval(load_queries("dead_letters")["find_last_letter"]))


async def count_dead_letters(connection: Connection, wanted: LetterFilter, is_settled: bool | None) -> int:
    query = load_queries("dead_letters")["count_dead_letters"]
    return int(await connection.fetchval(query, *wanted.spread(), is_settled))


async def settle_dead_letters(
    connection: Connection, ids: Sequence[int], settlement: Settlement, text: str | None, now: datetime
) -> None:
    await connection.execute(load_queries("dead_letters")["settle_dead_letters"], ids, now, settlement.value, text)


async def list_buried_statuses(
    connection: Connection, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """The status messages that were at these queues and positions."""
    queues, positions = [queue for queue, _ in places], [position for _, position in places]
    rows = await connection.fetch(load_queries("dead_letters")["list_buried_statuses"], queues, positions)
    return {(row["queue"], row["position"]): row["entry"] for row in rows}


async def clear_settled_alarm(connection: Connection, dip_id: str, channel: str, now: datetime) -> None:
    """When nobody has to act on any expired message of that recipient and channel any more."""
    queries, subject = load_queries("dead_letters"), f"{dip_id} {channel}"
    # Locked first: what is buried meanwhile is seen, or raises the alarm anew.
    if await connection.fetchval(queries["lock_alarm"], AlarmKind.DEAD_LETTERS.value, subject) is None:
        return
    if not await connection.fetchval(queries["has_open_expired"], dip_id, channel):
        await clear_alarms(connection, AlarmKind.DEAD_LETTERS, subject, now)


async def list_attempts(connection: Connection, queue: int, position: int, most: int) -> list[PastAttempt]:
    """The last attempts at delivering what was at that position, the latest first."""
    rows = await connection.fetch(load_queries("dead_letters")["list_attempts"], queue, position, most)
    return [PastAttempt(*row) for row in rows]
