"""What the DIP says about a call and about each message in it: refusals, outcomes, the StandardResponse (E2E 4.4.4).

Refusals are values. The numbers are the specification's; what makes an HTTP response of them is the API.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import msgspec

SUCCESS = "MSG0000"
PROCESSING_FAILED = "MSG1000"
SCHEMA_FAILURE = "MSG1001"
INTERFACE_INVALID = "MSG1002"
REFERENCE_DUPLICATED = "MSG1006"
TIMESTAMP_INVALID = "MSG1007"
SENDER_INVALID = "MSG1009"
ROLE_INVALID = "MSG1010"
PROVIDER_INVALID = "MSG1011"
CORRELATION_INVALID = "MSG1012"

HELP_LENGTH = 500


class Status(IntEnum):
    """The statuses a call is answered with (E2E 4.4.4.1)."""

    CREATED = 201
    SOME_CREATED = 207
    BAD_REQUEST = 400
    UNAUTHORISED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    NOT_ACCEPTABLE = 406
    TIMED_OUT = 408
    TOO_LARGE = 413
    TOO_MANY = 429
    FAILED = 500
    UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one message is refused: a response code and a help text that says what to mend."""

    code: str
    help: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a whole call is refused. `entries` names the messages at fault where there are any."""

    status: Status
    code: str
    help: str
    reference: str | None = None
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The answer to a call of which at least the form was right: 201 or 207 with its body."""

    status: Status
    answer: bytes


class ResponseEntry(msgspec.Struct, frozen=True, gc=False):
    """One message's part of an answer or a status message (StandardResponseBodyType; E2E 4.4.4.2)."""

    transactionID: str | None
    senderUniqueReference: str | None
    correlationID: str | None
    sentTimestamp: str
    senderID: str
    recipientID: str | None
    DIPConnectionProviderID: str | None
    message: str
    help: str | None
    serviceTicketURL: str | None


class StandardResponse(msgspec.Struct, frozen=True):
    """The body of every answer (E2E 4.4.4.2)."""

    messageArray: Sequence[ResponseEntry]
    timestamp: str
