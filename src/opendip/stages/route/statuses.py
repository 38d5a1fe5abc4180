"""The DIP's own status messages of level 2: one for each fault, to the message's sender (E2E 4.2, 5.1.3)."""

from datetime import datetime

import msgspec

from opendip.domain.outcomes import HELP_LENGTH, Fault, ResponseEntry
from opendip.domain.publications import Sender, Wrapper, name_transaction
from opendip.domain.references import format_correlation_prefix, format_index, format_timestamp


def encode_status(
    wrapper: Wrapper,
    sender: Sender,
    index: int,
    creates_correlation: bool,
    fault: Fault,
    text: str,
    dip_id: str,
    now: datetime,
) -> bytes:
    """The JSON of one entry, as the sender's status webhook will get it. `text`: what the code means."""
    transaction = name_transaction(wrapper, sender, index)
    created = format_correlation_prefix(wrapper.accepted_at.date(), wrapper.submission) + format_index(index)
    entry = ResponseEntry(
        transactionID=transaction,
        senderUniqueReference=sender.senderUniqueReference,
        correlationID=created if creates_correlation else sender.senderCorrelationID,
        sentTimestamp=format_timestamp(now),
        senderID=dip_id,
        recipientID=sender.senderDIPID,
        DIPConnectionProviderID=sender.DIPConnectionProviderID,
        message=f"{fault.code} - {text}",
        help=fault.help[:HELP_LENGTH],
        serviceTicketURL=f"{wrapper.ticket_url}{transaction}" if wrapper.ticket_url else None,
    )
    return msgspec.json.encode(entry)
