"""Dead letters: messages and status messages that did not arrive, why, and who is to act (FS 5.5.8)."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

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
