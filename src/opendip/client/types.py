"""What travels besides messages: the standard response, its entries, and the headers of messages.

Names are the wire's (E2E 4.4.4.2, 4.6.6.2), so that what is read here can be found there.
"""
# ruff: noqa: N815

from datetime import UTC, datetime
from typing import Any

import msgspec

RECEIVED = "RCP0000 - Message Success"
"""What a recipient answers for a message it took."""
SCHEMA_FAILURE = "RCP1001 - Schema Failure"
BAD_SIGNATURE = "RCP9999 - Message Signature Invalid"


class ResponseEntry(msgspec.Struct, gc=False):
    """What became of one message; also a status message (E2E 4.7.1). All keys are present, most may be null.

    `sentTimestamp` is 25 characters, `message` is `CODE - text` of up to 200, `help` up to 500.
    """

    transactionID: str | None
    senderUniqueReference: str | None
    correlationID: str | None
    sentTimestamp: str
    senderID: str
    recipientID: str | None
    DIPConnectionProviderID: str | None
    message: str | None
    help: str | None = None
    serviceTicketURL: str | None = None

    @property
    def code(self) -> str:
        """The response code that `message` begins with, such as `MSG0000`; empty when there is none."""
        return (self.message or "").split(" ", 1)[0]


class StandardResponse(msgspec.Struct, gc=False):
    """The body of an answer: one entry a message, in their order, and when it was given (25 characters)."""

    messageArray: list[ResponseEntry]
    timestamp: str


class InterfaceBlock(msgspec.Struct, gc=False):
    """S0: which interface and event."""

    interfaceID: str
    eventCode: str


class SenderBlock(msgspec.Struct, gc=False):
    """S1: who sent it, and their own reference for it."""

    senderUniqueReference: str
    senderDIPID: str
    senderRoleID: str
    DIPConnectionProviderID: str | None = None


class DIPBlock(msgspec.Struct, gc=False):
    """D0: what the DIP added (E2E 4.6.4.4). `replayIndicator` is true for a replayed message."""

    transactionID: str
    transactionTimestamp: str
    publicationID: str
    initialCorrelationID: str | None = None
    replayIndicator: bool | None = None


class CommonBlock(msgspec.Struct, gc=False):
    S0: InterfaceBlock
    S1: SenderBlock
    D0: DIPBlock


class Payload(msgspec.Struct, gc=False):
    CommonBlock: CommonBlock


class Header(msgspec.Struct, gc=False):
    """The common block of one message the DIP delivered; its custom block is passed over unread."""

    payload: Payload
    initialD0: DIPBlock | None = None
    """Of a replayed message: the D0 block of its first delivery."""

    @property
    def transaction_id(self) -> str:
        return self.payload.CommonBlock.D0.transactionID

    @property
    def first_transaction_id(self) -> str:
        """The same however often a message is replayed: what tells a message that is known already."""
        return (self.initialD0 or self.payload.CommonBlock.D0).transactionID

    @property
    def correlation_id(self) -> str | None:
        return self.payload.CommonBlock.D0.initialCorrelationID

    @property
    def is_replay(self) -> bool:
        return bool(self.payload.CommonBlock.D0.replayIndicator)

    @property
    def interface_id(self) -> str:
        return self.payload.CommonBlock.S0.interfaceID

    @property
    def event_code(self) -> str:
        """The bare name: `ActivePower`, where the wire has `[ActivePower]`."""
        return self.payload.CommonBlock.S0.eventCode.strip("[]")

    @property
    def sender_dip_id(self) -> str:
        return self.payload.CommonBlock.S1.senderDIPID

    @property
    def sender_unique_reference(self) -> str:
        return self.payload.CommonBlock.S1.senderUniqueReference


def format_timestamp(at: datetime) -> str:
    """A time in a message or an answer: always 25 characters, `2026-03-21T19:05:00+00:00`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def encode(body: Any) -> bytes:
    """JSON bytes of anything here, or of plain lists and dictionaries."""
    return _ENCODER.encode(body)


_ENCODER = msgspec.json.Encoder()
