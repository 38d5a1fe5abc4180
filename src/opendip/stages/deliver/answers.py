"""What a recipient's answer means for each message of the batch: the table of E2E 4.6.6.1."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from opendip.domain.outcomes import HELP_LENGTH
from opendip.domain.statuses import TEXT_LENGTH
from opendip.stages.deliver.transport import Reply

_CODE = re.compile(r"[A-Z]{2,4}[0-9]{3,4}", re.ASCII)
_SUCCESSES = ("RCP0000", "MSG0000")
_UNNAMED = "RCP1000"
_REFUSING = frozenset({400, 405, 406})
_FEW = 1000
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the recipient refused a message, in its own words."""

    code: str
    text: str
    help: str | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """All of the batch has arrived."""


@dataclass(frozen=True, slots=True)
class PartlyDelivered:
    """Some arrived, some were refused, some were not mentioned and must be sent again."""

    refused: Mapping[str, Reason]
    """By transaction id."""
    unmentioned: frozenset[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """None of it will be taken, ever: the senders are told, and it is not sent again."""

    refused: Mapping[str, Reason]
    """By transaction id; every one of the batch."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Nothing is known to have arrived: all of it is sent again, after a while."""

    reason: str
    retry_after: timedelta | None = None
    """What the recipient asks for."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The recipient's gateway takes less at a time."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Something is wrong that sending again does not mend: the queue stops, and people are told."""

    reason: str


Answer = Delivered | PartlyDelivered | Refused | Undelivered | TooLarge | Stopping


class _Entry(msgspec.Struct):
    transactionID: str | None = None
    message: str | None = None
    help: str | None = None


class _Response(msgspec.Struct):
    messageArray: list[_Entry]


_decode = msgspec.json.Decoder(_Response).decode


def names_messages(reply: Reply) -> bool:
    """Whether the answer speaks of single messages, so that their transaction ids are needed to read it."""
    return reply.status == 207 or reply.status in _REFUSING


def read_answer(reply: Reply, transactions: Sequence[str]) -> Answer:
    """The transactions are those of the batch; what the answer says of others is ignored."""
    match reply.status:
        case 201:
            return Delivered()
        case 207:
            return _read_mixed(reply.body, transactions)
        case status if status in _REFUSING:
            return _read_refusal(reply, transactions)
        case 413:
            return TooLarge()
        case status if status is None or status in _RETRIED:
            return Undelivered(reply.failure or f"answered {status}", reply.retry_after)
        case status:
            # E2E 4.6.6.1: 401, 403, 404 and 505 are not retried; nor is what no recipient should answer at all.
            return Stopping(f"answered {status}")


def describe(answer: Answer) -> str:
    """What came of a POST, in a few words."""
    match answer:
        case Undelivered(reason) | Stopping(reason):
            return reason
        case TooLarge():
            return "answered 413"
        case _:
            return type(answer).__name__.lower()


def _read_mixed(body: bytes, transactions: Sequence[str]) -> Answer:
    entries = _read_entries(body, len(transactions))
    if entries is None:
        return Undelivered("answered 207 with a body that is not a StandardResponse")
    said = {e.transactionID: e for e in entries}
    mentioned = [t for t in transactions if t in said]
    if transactions and not mentioned:
        return Undelivered("answered 207 without a word about any message of the batch")
    refused = {t: _read_reason(said[t]) for t in mentioned if not _is_success(said[t])}
    unmentioned = frozenset(transactions) - said.keys()
    return PartlyDelivered(refused, unmentioned) if refused or unmentioned else Delivered()


def _read_refusal(reply: Reply, transactions: Sequence[str]) -> Refused:
    """E2E 4.6.5: refused whole, often before single messages were recognised, so that no transaction id is quoted."""
    said = {e.transactionID: e for e in _read_entries(reply.body, len(transactions)) or [] if not _is_success(e)}
    # What is said of one message is for its sender alone: only words about none of them are for all.
    unnamed = Reason(_UNNAMED, f"{_UNNAMED} - The recipient answered {reply.status}", None)
    general = _read_reason(said[None]) if None in said else unnamed
    return Refused({t: _read_reason(said[t]) if t in said else general for t in transactions})


def _read_entries(body: bytes, message_count: int) -> list[_Entry] | None:
    if body.count(b"{") > _FEW + 2 * message_count:
        # Many more entries than messages: millions of empty ones would fill the memory.
        return None
    try:
        return _decode(body).messageArray
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_success(entry: _Entry) -> bool:
    return (entry.message or "").lstrip().startswith(_SUCCESSES)


def _read_reason(entry: _Entry) -> Reason:
    text = _clean(entry.message or "", TEXT_LENGTH).strip()
    match = _CODE.match(text)
    code = match.group() if match else _UNNAMED
    shown = text if match else f"{_UNNAMED} - {text or 'refused without a reason'}"
    return Reason(code, shown[:TEXT_LENGTH], _clean(entry.help, HELP_LENGTH) if entry.help else None)


def _clean(text: str, most: int) -> str:
    """So much of it, without characters that no table and no terminal takes well."""
    return "".join(c if c.isprintable() else " " for c in text[:most])
