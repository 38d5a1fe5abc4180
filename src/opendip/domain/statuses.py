"""Status messages as the DIP encodes them: one entry about one message, to its sender (E2E 4.7.1, 4.8)."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from opendip.domain.outcomes import HELP_LENGTH, ResponseEntry
from opendip.domain.publications import Sender
from opendip.domain.references import format_timestamp

TEXT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """The message that a status message is about."""

    transaction_id: str
    sender: Sender
    correlation_id: str | None
    ticket_url: str | None
    """What a transaction id is appended to for a service ticket link; None for no links (E2E 4.2.6)."""


def encode_status(subject: Subject, reporter_dip_id: str, text: str, help_text: str | None, now: datetime) -> bytes:
    """The JSON of one entry, as the sender's status webhook gets it. `text`: `CODE - what it means`."""
    sender = subject.sender
    entry = ResponseEntry(
        transactionID=subject.transaction_id,
        senderUniqueReference=sender.senderUniqueReference,
        correlationID=subject.correlation_id,
        sentTimestamp=format_timestamp(now),
        senderID=reporter_dip_id,
        recipientID=sender.senderDIPID,
        DIPConnectionProviderID=sender.DIPConnectionProviderID,
        message=text[:TEXT_LENGTH],
        help=help_text[:HELP_LENGTH] if help_text else None,
        serviceTicketURL=f"{subject.ticket_url}{subject.transaction_id}" if subject.ticket_url else None,
    )
    return msgspec.json.encode(entry)
