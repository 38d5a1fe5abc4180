"""What a decoded message looks like to the type checker: the blocks whose names every channel shares.

The values are msgspec Structs made from the catalogue; these protocols only say what may be relied on.
"""

# ruff: noqa: N815
from typing import Any, Protocol

import msgspec
from msgspec import UnsetType

COMMON_BLOCKS = ("S0", "S1", "S2", "A0", "D0", "M0", "M1", "R0", "R1")


class Header(Protocol):
    """Block S0: which message this is. The event code is in its wire form, `[ActivePower]`."""

    interfaceID: str
    schemaVersion: str
    eventCode: str


class SenderBlock(Protocol):
    """Block S1: who sends, and how the sender names the message."""

    environmentTag: str
    subText: str | None
    senderUniqueReference: str
    senderTimestamp: str
    senderDIPID: str
    senderRoleID: str
    senderCorrelationID: str | None
    DIPConnectionProviderID: str | None


class AddressBlock(Protocol):
    """Block A0: the DIP ids a message is for."""

    primaryRecipients: list[str | None]
    secondaryRecipients: list[str | None]
    always: list[str | None]


class SupplyBlock(Protocol):
    """Block M0: the metering point."""

    MPANCore: str
    distributorDIPID: str
    GSPGroupID: str


class PrincipalSupplyBlock(Protocol):
    """Block M1: the metering point that others are related to (IF-019, IF-020)."""

    principalMPAN: str
    distributorDIPID: str
    GSPGroupID: str


class ResponseBlock(Protocol):
    """Block R0: whether a request was accepted."""

    responseCode: str
    responseMessages: list[str | None]


class CommonBlock(Protocol):
    """What messages have in common. A block that the message, or its channel, does not have is UNSET."""

    S0: Header
    S1: SenderBlock
    A0: AddressBlock | UnsetType
    M0: SupplyBlock | UnsetType
    M1: PrincipalSupplyBlock | UnsetType
    R0: ResponseBlock | UnsetType


class Payload(Protocol):
    """The common block and the channel's own."""

    CommonBlock: CommonBlock
    CustomBlock: Any


class Message(Protocol):
    """A decoded message, mirroring the wire. A property that was left out is UNSET."""

    payload: Payload


class MessageDecoder(Protocol):
    """Decodes and checks the messages of one channel."""

    def decode(self, raw: bytes | memoryview | msgspec.Raw) -> Message:
        """Decode one message, as the sender wrote it.

        Raises `msgspec.DecodeError` when it is not JSON, and its subclass `msgspec.ValidationError` when it
        is not a message of this channel. Their texts can quote a value: show people `list_faults` instead.
        """
        ...
