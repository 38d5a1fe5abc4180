"""What a recipient asks to have again, and where in it an answer stopped (E2E 4.9.1, FS 5.5.11)."""

# ruff: noqa: N815
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from opendip.domain.references import is_timestamp
from opendip.domain.request_faults import describe_fault

MOST_TRANSACTIONS = 100
_TIME_LENGTH = 25
_RESOLUTION = timedelta(seconds=1)
"""Transaction times are told in whole seconds, so a second asked for is all of it."""
_MOMENT = timedelta(microseconds=1)

Text25 = Annotated[str, Meta(min_length=_TIME_LENGTH, max_length=_TIME_LENGTH)]


class MessageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a replay or requeue. The first five must be there, if null."""

    datetimeFrom: Text25 | None
    datetimeTo: Text25 | None
    eventCode: Annotated[str, Meta(min_length=1, max_length=50)] | None
    MPAN: Annotated[str, Meta(pattern=r"\A[0-9]{13}\Z")] | None
    version: Annotated[str, Meta(max_length=10)] | None
    transactionIDs: (
        Annotated[list[Annotated[str, Meta(max_length=65)]], Meta(min_length=1, max_length=MOST_TRANSACTIONS)]
        | UnsetType
    ) = UNSET


TIME_IN_WORDS = f"a time of {_TIME_LENGTH} characters, such as 2026-03-21T19:05:00+00:00"
_PROPERTIES = {
    "datetimeFrom": f"{TIME_IN_WORDS}, or null",
    "datetimeTo": f"{TIME_IN_WORDS}, or null",
    "eventCode": "text of 1 to 50 characters, such as ActivePower, or null",
    "MPAN": "text of 13 digits, or null",
    "version": "text of at most 10 characters, such as 011, or null",
    "transactionIDs": f"a list of 1 to {MOST_TRANSACTIONS} ids of at most 65 characters, or left out",
}


class UnusableRequest(Exception):  # noqa: N818 - it says what is wrong, for the answer's help
    """The request cannot be done; the text says what to mend, and quotes no value."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as understood. With neither ids nor a start nothing can be found."""

    from_at: datetime | None
    until: datetime | None
    """Up to but without this time."""
    event_code: str | None
    mpan: int | None
    version: str | None
    transactions: tuple[str, ...]

    @property
    def has_times(self) -> bool:
        return self.from_at is not None or self.until is not None


class Range(NamedTuple):
    """Times of acceptance: from the first, up to but without the last."""

    from_at: datetime
    until: datetime


class Position(NamedTuple):
    """The last message dealt with, in the order of time: what follows comes after it."""

    submission: int
    message_index: int


START = Position(-1, -1)
LAST_INDEX = 2**20 - 1
"""Beyond the index of any message: a submission is dealt with whole."""
_decode = msgspec.json.Decoder(MessageRequest).decode


def read_request(body: bytes) -> Wanted:
    """Raises UnusableRequest."""
    try:
        request = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableRequest(f"The request cannot be read. {describe_fault(error, _PROPERTIES)}") from error
    from_at = read_time(request.datetimeFrom, "datetimeFrom")
    to = read_time(request.datetimeTo, "datetimeTo")
    ids = () if request.transactionIDs is UNSET else tuple(dict.fromkeys(request.transactionIDs))
    if from_at is None and not ids:
        raise UnusableRequest("Say from when on: datetimeFrom, such as 2026-03-21T00:00:00+00:00; or transactionIDs.")
    if from_at is not None and to is not None and to < from_at:
        raise UnusableRequest("datetimeTo is before datetimeFrom.")
    return Wanted(
        from_at,
        None if to is None or to.year == MAXYEAR else to + _RESOLUTION,
        request.eventCode.strip("[]") if request.eventCode else None,
        int(request.MPAN) if request.MPAN else None,
        request.version,
        ids,
    )


def read_time(text: str | None, name: str) -> datetime | None:
    """A time of a request; raises UnusableRequest, naming the property."""
    if text is None:
        return None
    if not is_timestamp(text):
        raise UnusableRequest(f"{name} must be a time of 25 characters, such as 2026-03-21T19:05:00+00:00.")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise UnusableRequest(f"{name} is beyond the years there are.") from error


def find_range(wanted: Wanted, named: Sequence[datetime], oldest: datetime, now: datetime) -> Range | None:
    """The times between which everything is wanted; None: only what is named.

    FS 5.5.11: with ids and times both, the earliest start and the latest end win; with no end at all, up to now.
    `named`: when the messages of the ids were accepted. `oldest`: the channel keeps nothing older (E2E 4.9).
    """
    if not wanted.has_times:
        return None
    starts = [*named] if wanted.from_at is None else [wanted.from_at, *named]
    ends = [at + _MOMENT for at in named] + ([] if wanted.until is None else [wanted.until])
    if not starts:
        return None
    return Range(max(min(starts), oldest), max(ends, default=now))


_DIGEST_BITS = 54
"""Of a token's 128 bits, beside 48 of the submission's number, 20 of the index and 6 that make it a UUID."""


def make_token(position: Position, digest: int) -> UUID:
    """Where to go on, and with which request (a UUID of version 8, whose other 122 bits are ours)."""
    index_high, index_low = divmod(position.message_index, 1 << 8)
    return UUID(
        int=position.submission << 80 | 8 << 76 | index_high << 64 | 0b10 << 62 | index_low << _DIGEST_BITS | digest
    )


def read_token(text: str, digest: int) -> Position:
    """Raises UnusableRequest for what is no token of ours, or one of another request."""
    try:
        number = UUID(text).int
    except ValueError:
        number = -1
    if number < 0 or number >> 76 & 15 != 8 or number & ((1 << _DIGEST_BITS) - 1) != digest:
        text = "X-Continuation-Token is not one that this request was answered with. Send the same body with it."
        raise UnusableRequest(text)
    return Position(number >> 80, (number >> 64 & 0xFFF) << 8 | number >> _DIGEST_BITS & 0xFF)


def digest_request(*parts: object) -> int:
    """Tells one request from another: of these parts, none of which can be read from it."""
    text = repr(parts).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8]) >> (64 - _DIGEST_BITS)
