"""Which status messages a participant asks to have again: those of a time, or of that time about one message."""

# ruff: noqa: N815
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from opendip.domain.references import REFERENCE_LENGTH, strip_replay_prefix
from opendip.domain.replays import TIME_IN_WORDS, Text25, UnusableRequest, read_time
from opendip.domain.request_faults import describe_fault

_RESOLUTION = timedelta(seconds=1)
"""The times of status messages are told in whole seconds, so a second asked for is all of it."""


class StatusRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a replay or requeue (StatusMessageRequest). The times must be there."""

    datetimeFrom: Text25
    datetimeTo: Text25
    transactionID: Annotated[str, Meta(min_length=1, max_length=65)] | UnsetType | None = UNSET
    senderUniqueReference: Annotated[str, Meta(min_length=1, max_length=REFERENCE_LENGTH)] | UnsetType | None = UNSET
    correlationID: Annotated[str, Meta(min_length=1, max_length=60)] | UnsetType | None = UNSET


_PROPERTIES = {
    "datetimeFrom": TIME_IN_WORDS,
    "datetimeTo": TIME_IN_WORDS,
    "transactionID": "text of 1 to 65 characters, or null, or left out",
    "senderUniqueReference": f"text of 1 to {REFERENCE_LENGTH} characters, or null, or left out",
    "correlationID": "text of 1 to 60 characters, or null, or left out",
}


class _About(msgspec.Struct, gc=False):
    transactionID: str | None
    senderUniqueReference: str | None
    correlationID: str | None


@dataclass(frozen=True, slots=True)
class WantedStatuses:
    """A request as understood: from the first time, up to but without the last. None: whatever it is."""

    from_at: datetime
    until: datetime
    transaction: str | None = None
    reference: str | None = None
    correlation: str | None = None

    @property
    def has_filter(self) -> bool:
        return (self.transaction, self.reference, self.correlation) != (None, None, None)

    def matches(self, entry: bytes) -> bool:
        """Whether a status message, as JSON, is about the message. Its ids in replays are its first ones."""
        about = _decode_about(entry)
        return (
            self.transaction in (None, _strip(about.transactionID))
            and self.reference in (None, about.senderUniqueReference)
            and self.correlation in (None, _strip(about.correlationID))
        )


_decode = msgspec.json.Decoder(StatusRequest).decode
_decode_about = msgspec.json.Decoder(_About).decode


def read_status_request(body: bytes) -> WantedStatuses:
    """Raises UnusableRequest."""
    try:
        request = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableRequest(f"The request cannot be read. {describe_fault(error, _PROPERTIES)}") from error
    from_at = read_time(request.datetimeFrom, "datetimeFrom")
    to = read_time(request.datetimeTo, "datetimeTo")
    assert from_at is not None and to is not None
    if to < from_at:
        raise UnusableRequest("datetimeTo is before datetimeFrom.")
    return WantedStatuses(
        from_at,
        to if to.year == MAXYEAR else to + _RESOLUTION,
        _strip(request.transactionID or None),
        request.senderUniqueReference or None,
        _strip(request.correlationID or None),
    )


def _strip(text: str | None) -> str | None:
    return None if text is None else strip_replay_prefix(text)
