"""Whether a delivered message is in form: its schema, what was sent, and what the DIP added (A0 and D0)."""
# ruff: noqa: N815

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from opendip.domain.references import is_timestamp
from opendip.simulator.recipients import Recipients

Encoded = bytes | Raw
Decode = Callable[[Encoded], Any]

_LONGEST_TRANSACTION = 65
_TRANSACTION = re.compile(r"T-(IF|REP)-[0-9A-Z]{3,4}-[0-9]{10}-[A-Z]{2,5}-[0-9]{8}-[0-9a-f]+", re.ASCII)
_ADDED_BY_THE_DIP = frozenset({"A0", "D0"})


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    CommonBlock: dict[str, Raw]
    CustomBlock: Raw | UnsetType = UNSET


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    payload: _Payload


class AddressBlock(msgspec.Struct, forbid_unknown_fields=True):
    """A0 as delivered (E2E 4.3.1)."""

    primaryRecipients: list[str]
    secondaryRecipients: list[str]
    always: list[str]


class DipBlock(msgspec.Struct, forbid_unknown_fields=True):
    """D0 as delivered (E2E 4.6.4.4)."""

    transactionID: str
    transactionTimestamp: str
    publicationID: str
    initialCorrelationID: str | None
    replayIndicator: bool
    serviceTicketURL: str | None


_split = msgspec.json.Decoder(_Message).decode
_read_address_block = msgspec.json.Decoder(AddressBlock).decode
_read_dip_block = msgspec.json.Decoder(DipBlock).decode


class OutOfForm(Exception):  # noqa: N818
    """A delivered message is not what it must be. The text says in what, and quotes nothing of it."""


def inspect(delivered: Encoded, sent: Encoded, recipients: Recipients, publication_id: str, decode: Decode) -> DipBlock:
    """The D0 block of a delivered message that is all it must be; raises `OutOfForm`."""
    try:
        decode(delivered)
        payload = _split(delivered).payload
        addresses = _read_address_block(payload.CommonBlock["A0"])
        dip = _read_dip_block(payload.CommonBlock["D0"])
    except (msgspec.DecodeError, KeyError) as error:
        raise OutOfForm(f"it does not fit the schema of {publication_id}: {error}") from None
    _check_unchanged(payload, _split(sent).payload)
    _check_addresses(addresses, recipients)
    _check_dip_block(dip, publication_id)
    return dip


def _check_unchanged(delivered: _Payload, sent: _Payload) -> None:
    left = {name: block for name, block in delivered.CommonBlock.items() if name not in _ADDED_BY_THE_DIP}
    right = {name: block for name, block in sent.CommonBlock.items() if name != "A0"}
    if left.keys() != right.keys():
        raise OutOfForm("its blocks are not those that were sent")
    changed = [name for name, block in left.items() if not _is_same(block, right[name])]
    if changed:
        raise OutOfForm(f"the DIP changed {', '.join(changed)}")
    if not _is_same(delivered.CustomBlock, sent.CustomBlock):
        raise OutOfForm("the DIP changed the CustomBlock")


def _is_same(left: Raw | UnsetType, right: Raw | UnsetType) -> bool:
    """Equal as bytes, which is usual, or at least as values."""
    if isinstance(left, UnsetType) or isinstance(right, UnsetType):
        return left is right
    return bytes(left) == bytes(right) or bool(msgspec.json.decode(left) == msgspec.json.decode(right))


def _check_addresses(addresses: AddressBlock, recipients: Recipients) -> None:
    lists: Mapping[str, tuple[list[str], frozenset[str]]] = {
        "primaryRecipients": (addresses.primaryRecipients, recipients.primary),
        "secondaryRecipients": (addresses.secondaryRecipients, recipients.secondary),
        "always": (addresses.always, recipients.always),
    }
    wrong = [name for name, (listed, due) in lists.items() if sorted(listed) != sorted(due)]
    if wrong:
        raise OutOfForm(f"A0 lists other recipients than are due in {', '.join(wrong)}")


def _check_dip_block(dip: DipBlock, publication_id: str) -> None:
    if dip.publicationID != publication_id:
        raise OutOfForm(f"D0.publicationID is not {publication_id}")
    if len(dip.transactionID) > _LONGEST_TRANSACTION or not _TRANSACTION.fullmatch(dip.transactionID):
        raise OutOfForm("D0.transactionID is not in the form of E2E 4.2.3.2")
    if not is_timestamp(dip.transactionTimestamp):
        raise OutOfForm("D0.transactionTimestamp is not an RFC 3339 time")
    if dip.replayIndicator:
        raise OutOfForm("D0.replayIndicator says that this is a replay")
