"""From a message as sent to its publication as delivered: the header read, A0 and D0 added (E2E 4.6.4).

The body is never decoded: the CustomBlock is carried as a slice of the sender's bytes. The blocks of the header are
small, and are written anew, so that nobody can say one thing to the DIP and another to a recipient's parser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from opendip.domain.references import (
    format_correlation_prefix,
    format_index,
    format_replay_prefix,
    format_timestamp,
    format_transaction_prefix,
)


class _Payload(Struct, gc=False):
    CommonBlock: dict[str, Raw]
    CustomBlock: Raw | UnsetType = UNSET


class _Message(Struct, gc=False):
    payload: _Payload


class _S0(Struct, gc=False):
    eventCode: str


class _Version(Struct, gc=False):
    schemaVersion: str


class Sender(Struct, gc=False, frozen=True):
    """What the DIP needs of the S1 block."""

    senderDIPID: str
    senderRoleID: str
    senderUniqueReference: str
    senderCorrelationID: str | None = None
    DIPConnectionProviderID: str | None = None


class _A0(Struct, gc=False):
    primaryRecipients: list[str | None] = []


class _R0(Struct, gc=False):
    responseCode: str | None = None


class _Mpan(Struct, gc=False):
    MPANCore: str | None = None
    principalMPAN: str | None = None


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_s0 = msgspec.json.Decoder(_S0).decode
_decode_version = msgspec.json.Decoder(_Version).decode
_decode_s1 = msgspec.json.Decoder(Sender).decode
_decode_a0 = msgspec.json.Decoder(_A0).decode
_decode_r0 = msgspec.json.Decoder(_R0).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_decode_mpan = msgspec.json.Decoder(_Mpan).decode


class Header:
    """The blocks of one message, as slices of its bytes, and what routing reads of them."""

    __slots__ = ("blocks", "body", "event_code", "sender")

    def __init__(self, raw: bytes | memoryview) -> None:
        payload = _decode_message(raw).payload
        self.blocks = payload.CommonBlock
        self.body = payload.CustomBlock
        self.event_code = _decode_s0(self.blocks["S0"]).eventCode.strip("[]")
        self.sender = _decode_s1(self.blocks["S1"])

    @property
    def schema_version(self) -> str:
        return _decode_version(self.blocks["S0"]).schemaVersion

    @property
    def has_body(self) -> bool:
        return self.body is not UNSET

    @property
    def named_recipients(self) -> tuple[str, ...]:
        """The sender's primary recipients, without the nulls that the schema admits."""
        block = self.blocks.get("A0")
        return tuple(r for r in _decode_a0(block).primaryRecipients if r) if block is not None else ()

    @property
    def response_code(self) -> str | None:
        block = self.blocks.get("R0")
        return _decode_r0(block).responseCode if block is not None else None

    @property
    def mpan(self) -> int | None:
        """The MPAN of M0, or of M1 on the channels that manage relationships (E2E 4.4.2.7)."""
        block = self.blocks.get("M0") or self.blocks.get("M1")
        if block is None:
            return None
        read = _decode_mpan(block)
        text = read.MPANCore or read.principalMPAN
        return int(text) if text else None


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What the D0 blocks of one submission share."""

    submission: int
    accepted_at: datetime
    channel: str
    publication_id: str
    correlated_events: frozenset[str]
    """Event codes on which the DIP creates a correlation id (E2E 4.2.3.3)."""
    ticket_url: str | None = None
    """What a transaction id is appended to for a service ticket link; None for no links (E2E 4.2.6)."""


_NAMES = {n: f'"{n}":'.encode() for n in ("S0", "S1", "S2", "R0", "R1", "M0", "M1")}


def _write_again(block: Raw) -> bytes:
    """The block without a property that stands in it twice: every reader sees the value that was checked."""
    return _encode(_decode_any(block))


def name_transaction(wrapper: Wrapper, sender: Sender, index: int, replay: int | None = None) -> str:
    """The transaction id that a message goes under: its first, or that of a replay of this number."""
    prefix = format_transaction_prefix(
        wrapper.channel,
        sender.senderDIPID,
        sender.senderRoleID,
        wrapper.accepted_at.date(),
        wrapper.submission,
    )
    again = "" if replay is None else format_replay_prefix(replay)
    return again + prefix + format_index(index)


class Publisher:
    """Encodes the messages of one submission for delivery; what repeats from message to message is made once."""

    def __init__(self, wrapper: Wrapper) -> None:
        self.wrapper = wrapper
        day = wrapper.accepted_at.date()
        self._correlation = format_correlation_prefix(day, wrapper.submission)
        self._after_transaction = (
            f'","transactionTimestamp":"{format_timestamp(wrapper.accepted_at)}",'
            f'"publicationID":"{wrapper.publication_id}","initialCorrelationID":'
        )
        self._prefixes: dict[tuple[str, str], str] = {}

    def publish(self, header: Header, address_block: bytes, index: int) -> bytes:
        """The message with its A0 and D0, ready to stand in a delivered batch."""
        parts: list[Any] = [b'{"payload":{"CommonBlock":{']
        for name, block in header.blocks.items():
            label = _NAMES.get(name)
            if label is not None:
                parts += (label, _write_again(block), b",")
        parts += (b'"A0":', address_block, b',"D0":', self._make_d0(header, index).encode(), b"}")
        if header.has_body:
            parts += (b',"CustomBlock":', header.body)
        parts.append(b"}}")
        return b"".join(parts)

    def find_created_correlation(self, header: Header, index: int) -> str | None:
        """The correlation id that the DIP gives this message, on event codes that begin a workflow."""
        if header.event_code not in self.wrapper.correlated_events:
            return None
        return self._correlation + format_index(index)

    def _make_d0(self, header: Header, index: int) -> str:
        sender, number = header.sender, format_index(index)
        key = (sender.senderDIPID, sender.senderRoleID)
        prefix = self._prefixes.get(key)
        if prefix is None:
            prefix = self._prefixes[key] = name_transaction(self.wrapper, sender, 0)[: -len(number)]
        created = self.find_created_correlation(header, index)
        correlation = f'"{created}"' if created else "null"
        ticket = f'"{self.wrapper.ticket_url}{prefix}{number}"' if self.wrapper.ticket_url else "null"
        return (
            f'{{"transactionID":"{prefix}{number}{self._after_transaction}{correlation},'
            f'"replayIndicator":false,"serviceTicketURL":{ticket}}}'
        )


class Republisher(Publisher):
    """Encodes messages for a replay: under new ids, and with the first D0 block beside the payload.

    E2E 4.9: transaction and correlation id have a prefix, and the initial wrapper is sent too. CommonBlock admits no
    further block, so it stands outside; all else, times too, is as it was delivered first.
    """

    def __init__(self, wrapper: Wrapper, replay: int) -> None:
        super().__init__(wrapper)
        self._replay_prefix = format_replay_prefix(replay)

    def publish(self, header: Header, address_block: bytes, index: int) -> bytes:
        first = super()._make_d0(header, index).encode()
        return b"".join((super().publish(header, address_block, index)[:-1], b',"initialD0":', first, b"}"))

    def _make_d0(self, header: Header, index: int) -> str:
        replayed, wrapper = self._replay_prefix, self.wrapper
        transaction = replayed + name_transaction(wrapper, header.sender, index)
        created = self.find_created_correlation(header, index)
        correlation = f'"{replayed}{created}"' if created else "null"
        ticket = f'"{wrapper.ticket_url}{transaction}"' if wrapper.ticket_url else "null"
        return (
            f'{{"transactionID":"{transaction}{self._after_transaction}{correlation},'
            f'"replayIndicator":true,"serviceTicketURL":{ticket}}}'
        )


def make_publisher(wrapper: Wrapper, replay: int | None) -> Publisher:
    return Publisher(wrapper) if replay is None else Republisher(wrapper, replay)


def join_batch(messages: Sequence[bytes]) -> bytes:
    """The JSON array of some published messages."""
    return b"[" + b",".join(messages) + b"]"
