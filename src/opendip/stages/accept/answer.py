"""The answer to a call: an entry a message, in the order sent (E2E 4.4.4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from opendip.domain.outcomes import HELP_LENGTH, SUCCESS, ResponseEntry, StandardResponse
from opendip.domain.references import format_correlation_prefix, format_index, format_timestamp
from opendip.stages.accept.messages import CheckedMessage, CheckedMessages


@dataclass(frozen=True, slots=True)
class AcceptRules:
    """What the operator sets for accepting."""

    environment: str
    max_messages: int
    dip_id: str
    """The DIP's own id, the sender of every answer."""
    response_texts: Mapping[str, str]
    """Response code to its text, from the catalogue."""
    ticket_url: str | None = None


def make_answer(checked: CheckedMessages, submission: int, rules: AcceptRules, now: datetime) -> StandardResponse:
    at = format_timestamp(now)
    correlation = format_correlation_prefix(now.date(), submission)
    entries = [_answer_for(m, i, at, correlation, rules) for i, m in enumerate(checked.messages)]
    return StandardResponse(entries, at)


def _answer_for(message: CheckedMessage, index: int, at: str, correlation: str, rules: AcceptRules) -> ResponseEntry:
    fault = message.fault
    code = SUCCESS if fault is None else fault.code
    number = format_index(index)
    transaction = None if fault is not None else message.sender.transaction_prefix + number
    return ResponseEntry(
        transactionID=transaction,
        senderUniqueReference=message.reference,
        correlationID=correlation + number if message.creates_correlation and fault is None else None,
        sentTimestamp=at,
        senderID=rules.dip_id,
        recipientID=message.sender_dip_id,
        DIPConnectionProviderID=message.provider,
        message=f"{code} - {rules.response_texts[code]}",
        help=None if fault is None else fault.help[:HELP_LENGTH],
        serviceTicketURL=f"{rules.ticket_url}{transaction}" if rules.ticket_url and transaction else None,
    )
