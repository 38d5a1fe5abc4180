"""Shapes made into msgspec decoders: the hot path's check of a message, one pass over its bytes.

A decoder refuses exactly what the published definitions refuse and stops at the first fault; `faults` lists them all.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from opendip.catalogue.model import (
    Catalogue,
    Channel,
    Choice,
    Flag,
    Number,
    Record,
    Reference,
    Sequence,
    Shape,
    Text,
    Variant,
)

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
    """Block M1: the metering point others are related to (IF-019, IF-020)."""

    principalMPAN: str
    distributorDIPID: str
    GSPGroupID: str


class ResponseBlock(Protocol):
    """Block R0: whether a request was accepted."""

    responseCode: str
    responseMessages: list[str | None]


class CommonBlock(Protocol):
    """What every message has; a block the message or its channel does not have is UNSET."""

    S0: Header
    S1: SenderBlock
    A0: AddressBlock | UnsetType
    M0: SupplyBlock | UnsetType
    M1: PrincipalSupplyBlock | UnsetType
    R0: ResponseBlock | UnsetType


class Payload(Protocol):
    CommonBlock: CommonBlock
    CustomBlock: Any


class Message(Protocol):
    """A decoded message: a msgspec Struct that mirrors the wire. Properties left out are UNSET."""

    payload: Payload


class MessageDecoder:
    """Decodes and checks the messages of one channel."""

    def __init__(self, decoders: Mapping[str, msgspec.json.Decoder[Any]], channel_id: str) -> None:
        self._decoders = decoders
        self._channel_id = channel_id

    def decode(self, raw: bytes | memoryview | msgspec.Raw) -> Message:
        """Decode one message. Raises `msgspec.DecodeError` when it is not JSON, `msgspec.ValidationError` when it is
        not a message of this channel.
        """
        raise NotImplementedError
