"""What a webhook is given: a batch of messages or of status messages, proved to come from the DIP."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec

from opendip.domain.problems import Problem

from .trust import Signer
from .types import Header, ResponseEntry

_HEADERS = msgspec.json.Decoder(Annotated[list[Header], msgspec.Meta(min_length=1)])
_RAW_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])
_ENTRIES = msgspec.json.Decoder(Annotated[list[ResponseEntry], msgspec.Meta(min_length=1)])


class UnreadableBatch(Problem):
    """A body is not what this webhook takes. The text says where and what was expected, not what was found."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How something came: when, at which path, signed by whom, and `X-DIP-MPO` as it was sent."""

    path: str
    received_at: datetime
    signer: Signer = field(repr=False)
    mpo: str | None = None


@dataclass(frozen=True, slots=True)
class ReceivedBatch:
    """The messages of one delivery. Only their headers have been read; the rest is read when asked for.

    A batch may come again after an answer was lost: tell by the transaction ids.
    """

    delivery: Delivery
    headers: list[Header] = field(repr=False)
    body: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.headers)

    @property
    def publication_id(self) -> str:
        """The publication all of them came on, such as `PUB-021`."""
        return self.headers[0].payload.CommonBlock.D0.publicationID

    @property
    def interface_id(self) -> str:
        """The interface all of them are of, such as `IF-021`."""
        return self.headers[0].interface_id

    @property
    def transaction_ids(self) -> list[str]:
        return [header.payload.CommonBlock.D0.transactionID for header in self.headers]

    def list_raw(self) -> list[msgspec.Raw]:
        """Each message's bytes, in the order of the headers, as slices of the body (2 to 3 µs each)."""
        return _RAW_MESSAGES.decode(self.body)

    def decode(self) -> list[dict[str, Any]]:
        """Each message as plain dictionaries and lists: convenient, and by far the slowest way."""
        messages: list[dict[str, Any]] = msgspec.json.decode(self.body)
        return messages


@dataclass(frozen=True, slots=True)
class ReceivedStatuses:
    """The status messages of one delivery (E2E 4.8)."""

    delivery: Delivery
    entries: list[ResponseEntry]


def read_batch(body: bytes, delivery: Delivery) -> ReceivedBatch:
    """Read the headers; raises `UnreadableBatch` for what is not a batch of delivered messages."""
    try:
        return ReceivedBatch(delivery, _HEADERS.decode(body), body)
    except msgspec.DecodeError as fault:
        raise UnreadableBatch(str(fault)) from None


def read_statuses(body: bytes, delivery: Delivery) -> ReceivedStatuses:
    """Read status messages; raises `UnreadableBatch` for what is not an array of them."""
    try:
        return ReceivedStatuses(delivery, _ENTRIES.decode(body))
    except msgspec.DecodeError as fault:
        raise UnreadableBatch(str(fault)) from None
