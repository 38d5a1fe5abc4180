"""Dead letters as an operator sees them: listed and shown, with what the archive tells of their messages."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from opendip.domain.problems import Problem
from opendip.domain.publications import Wrapper
from opendip.domain.references import format_replay_prefix
from opendip.store.dead_letters import (
    DeadLetter,
    LetterFilter,
    PastAttempt,
    list_attempts,
    list_buried_statuses,
    list_dead_letters,
)
from opendip.store.origins import MessageKey, Origin, find_origins
from opendip.store.pool import Connection
from opendip.store.submissions import Submitted

_PAGE = 500
_ATTEMPTS_SHOWN = 5
_NO_ID_IS_GREATER = 2**63 - 1


class NoSuchLetter(Problem):
    """There is no dead letter of that number."""


@dataclass(frozen=True, slots=True)
class DescribedLetter:
    """A dead letter with what the archive tells of its message."""

    letter: DeadLetter
    transaction_id: str | None
    """As it was to be delivered; None when it cannot be read any more."""
    sender_dip_id: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """One in full."""

    described: DescribedLetter
    attempts: Sequence[PastAttempt]


class _About(msgspec.Struct):
    """Of a status message: which message it is about."""

    transactionID: str | None = None  # noqa: N815 - the wire's name
    senderUniqueReference: str | None = None  # noqa: N815
    senderID: str | None = None  # noqa: N815


_decode_about = msgspec.json.Decoder(_About).decode


async def describe_letters(
    connection: Connection, wanted: LetterFilter, is_settled: bool | None, most: int | None
) -> AsyncIterator[DescribedLetter]:
    """The latest first, read page by page."""
    before, left = _NO_ID_IS_GREATER, most
    while left is None or left > 0:
        page = await list_dead_letters(connection, wanted, is_settled, before, min(_PAGE, left or _PAGE))
        for described in await _describe(connection, page):
            yield described
        if not page:
            return
        before, left = page[-1].id, None if left is None else left - len(page)


async def show_letter(connection: Connection, number: int) -> ShownLetter:
    letters = await list_dead_letters(connection, LetterFilter(ids=[number]), None, _NO_ID_IS_GREATER, 1)
    if not letters:
        raise NoSuchLetter(f"There is no dead letter {number}. `dip dead-letters list` has their numbers.")
    (described,) = await _describe(connection, letters)
    letter = described.letter
    return ShownLetter(described, await list_attempts(connection, letter.queue, letter.position, _ATTEMPTS_SHOWN))


async def _describe(connection: Connection, letters: Sequence[DeadLetter]) -> list[DescribedLetter]:
    keys = {key for letter in letters if (key := _get_key(letter))}
    origins = await find_origins(connection, sorted(keys), _wrap)
    places = [(letter.queue, letter.position) for letter in letters if letter.submission is None]
    statuses = await list_buried_statuses(connection, places)
    return [_describe_one(letter, origins, statuses.get((letter.queue, letter.position))) for letter in letters]


def _describe_one(letter: DeadLetter, origins: dict[tuple[int, int], Origin], status: bytes | None) -> DescribedLetter:
    if status is not None:
        about = _decode_about(status)
        return DescribedLetter(letter, about.transactionID, about.senderID, about.senderUniqueReference)
    origin = origins.get((letter.submission or 0, letter.message_index or 0))
    if letter.submission is None or origin is None:
        return DescribedLetter(letter, None, None, None)
    again = "" if letter.replay is None else format_replay_prefix(letter.replay)
    sender = origin.sender
    return DescribedLetter(letter, again + origin.transaction_id, sender.senderDIPID, sender.senderUniqueReference)


def _get_key(letter: DeadLetter) -> MessageKey | None:
    if letter.submission is None or letter.message_index is None or letter.accepted_on is None:
        return None
    return MessageKey(letter.submission, letter.message_index, letter.accepted_on)


def _wrap(submitted: Submitted) -> Wrapper:
    """As much as names a transaction."""
    return Wrapper(submitted.id, submitted.accepted_at, submitted.channel, "", frozenset())
