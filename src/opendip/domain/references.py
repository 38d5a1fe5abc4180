"""The identifiers of the market: transaction id, correlation id, sender unique reference, timestamps (E2E 4.2.3).

The hexadecimal part of a transaction id is the submission's number and the message's index in it, so that the
message is found from its id alone.
"""

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

INDEX_DIGITS = 5
_NUMBERS = 2**63
_TRANSACTION = re.compile(
    r"(?:R-([0-9a-f]{8})-)?T-((?:IF|REP)-[0-9]{3}[A-Z]?)-([0-9A-Za-z]{10})-([A-Z]{2,5})-([0-9]{8})-([0-9a-f]{6,28})",
    re.ASCII,
)
_REPLAY_PREFIX = re.compile(r"\AR-[0-9a-f]{8}-", re.ASCII)
REFERENCE_LENGTH = 200
_REFERENCE = re.compile(r"S-(?:(?:IF|REP)-)?[0-9]{3,4}-[0-9a-fA-F]{10}-[A-Z]{3,5}-[0-9]{8}-[0-9a-zA-Z]+", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)


class TransactionId(NamedTuple):
    """What a transaction id says of itself."""

    channel: str
    dip_id: str
    role: str
    accepted_on: date
    submission: int
    message_index: int
    replay: int | None = None
    """The number of the replay under which it went; None for the first time."""


def format_replay_prefix(replay: int) -> str:
    """What stands before the first transaction and correlation ids of a replayed message (E2E 4.9)."""
    return f"R-{replay:08x}-"


def strip_replay_prefix(text: str) -> str:
    """The first id of a message, of whichever id it went under."""
    return _REPLAY_PREFIX.sub("", text, count=1)


def format_transaction_prefix(channel: str, dip_id: str, role: str, accepted_on: date, submission: int) -> str:
    """All of a transaction id but the index of the message, the same for a sender's messages in one submission."""
    return f"T-{channel}-{dip_id}-{role}-{accepted_on:%Y%m%d}-{submission:012x}"


def format_correlation_prefix(accepted_on: date, submission: int) -> str:
    """All of a correlation id but the index of the message that began the workflow (E2E 4.2.3.3)."""
    return f"CI-{accepted_on:%Y%m%d}-{submission:012x}"


def format_index(index: int) -> str:
    return f"{index:05x}"


def find_transaction(text: str) -> TransactionId | None:
    """What the transaction id says, with the prefix of a replay or without; None when it is not one of ours."""
    match = _TRANSACTION.fullmatch(text)
    if match is None:
        return None
    number, channel, dip_id, role, day, sequence = match.groups()
    try:
        accepted_on = date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return None
    submission, message_index = int(sequence[:-INDEX_DIGITS], 16), int(sequence[-INDEX_DIGITS:], 16)
    if submission >= _NUMBERS:
        return None
    replay = int(number, 16) if number else None
    return TransactionId(channel, dip_id, role, accepted_on, submission, message_index, replay)


class ReferenceStart(NamedTuple):
    """The start that a sender unique reference must have (E2E 4.2.3.1)."""

    text: str
    short_text: str
    """The published pattern leaves no room for the letter of REP-002A, so the number alone is accepted too."""


def format_reference_start(channel: str, dip_id: str, role: str) -> ReferenceStart:
    number = channel.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") if channel.startswith("REP-") else channel
    return ReferenceStart(f"S-{channel}-{dip_id}-{role}-", f"S-{number}-{dip_id}-{role}-")


def is_reference(text: str) -> bool:
    """Whether a text has the published form of a sender unique reference (DT-995). Its date is not checked."""
    return len(text) <= REFERENCE_LENGTH and _REFERENCE.fullmatch(text) is not None


def is_timestamp(text: str) -> bool:
    """Whether the text is an RFC 3339 date and time with an offset, in the 25 characters of DT-003."""
    if _TIMESTAMP.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def format_timestamp(at: datetime) -> str:
    """25 characters, UTC, such as 2026-03-21T19:05:00+00:00 (DT-003)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
