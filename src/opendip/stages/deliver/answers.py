"""What a recipient's answer means for each message of the batch (E2E 4.6.6)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from opendip.stages.deliver.transport import Reply

_CODE = re.compile(r"[A-Z]{2,4}[0-9]{3,4}", re.ASCII)
_SUCCESSES = ("RCP0000", "MSG0000")
_UNNAMED = "RCP1000"
TEXT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """All of the batch has arrived."""


@dataclass(frozen=True, slots=True)
class PartlyDelivered:
    """Some arrived, some were refused, some were not mentioned and must be sent again."""

    refused: Mapping[str, "Reason"]
    """By transaction id."""
    unmentioned: frozenset[str]


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Nothing is known to have arrived: all of it is sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the recipient refused a message, in its own words."""

    code: str
    text: str
    help: str | None


Answer = Delivered | PartlyDelivered | Undelivered


class _Entry(msgspec.Struct):
    transactionID: str | None = None
    message: str | None = None
    help: str | None = None


class _Response(msgspec.Struct):
    messageArray: list[_Entry]


_decode = msgspec.json.Decoder(_Response).decode


def read_answer(reply: Reply, transactions: Sequence[str]) -> Answer:
    """The transactions are those of the batch; what the answer says of others is ignored."""
    if reply.status == 201:
        return Delivered()
    if reply.status == 207:
        return _read_mixed(reply.body, transactions)
    return Undelivered(reply.failure or f"answered {reply.status}")


def _read_mixed(body: bytes, transactions: Sequence[str]) -> Answer:
    try:
        entries = _decode(body).messageArray
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Undelivered("answered 207 with a body that is not a StandardResponse")
    said = {e.transactionID: e for e in entries}
    mentioned = [t for t in transactions if t in said]
    if transactions and not mentioned:
        return Undelivered("answered 207 without a word about any message of the batch")
    refused = {t: _read_reason(said[t]) for t in mentioned if not _is_success(said[t])}
    unmentioned = frozenset(transactions) - said.keys()
    return PartlyDelivered(refused, unmentioned) if refused or unmentioned else Delivered()


def _is_success(entry: _Entry) -> bool:
    return (entry.message or "").lstrip().startswith(_SUCCESSES)


def _read_reason(entry: _Entry) -> Reason:
    text = (entry.message or "").strip()
    match = _CODE.match(text)
    code = match.group() if match else _UNNAMED
    shown = text if match else f"{_UNNAMED} - {text or 'refused without a reason'}"
    return Reason(code, shown[:TEXT_LENGTH], entry.help)
