"""What is checked of a status message beyond its schema (E2E 4.7): who speaks, about what, to whom.

Whether a message does not exist or was sent to somebody else is answered alike: nobody learns of others' messages.
"""

from collections.abc import Mapping
from datetime import date

from opendip.domain.market import Market
from opendip.domain.outcomes import PROCESSING_FAILED, PROVIDER_INVALID, SENDER_INVALID, TIMESTAMP_INVALID, Fault
from opendip.domain.references import is_timestamp
from opendip.stages.relay.schema import StatusMessage
from opendip.store.receipts import Receipt

_NOT_PARTICIPANT = Fault(SENDER_INVALID, "senderID is not a participant.")
_NOT_NOMINATED = Fault(
    PROVIDER_INVALID,
    "senderID must be the DIP id of this API key, or of a participant that has nominated it as connection provider.",
)
_NOT_PROVIDER = Fault(
    PROVIDER_INVALID,
    "DIPConnectionProviderID must be the DIP id of this API key, or null.",
)
_NO_TIME = Fault(
    TIMESTAMP_INVALID,
    "sentTimestamp must be an RFC 3339 time with an offset, such as 2026-03-21T19:05:00+00:00.",
)
_NO_TEXT = Fault(PROCESSING_FAILED, "message must say what is wrong; it is null.")
_NOT_RECEIVED = Fault(
    PROCESSING_FAILED,
    "transactionID is not that of a message that was sent to senderID. Give the transactionID of its block D0.",
)
_NOT_TO_SENDER = Fault(
    PROCESSING_FAILED,
    "recipientID must be the sender of that message: senderDIPID of its block S1.",
)


class SenderChecks:
    """Who speaks: worked out once for each sender of a call."""

    def __init__(self, caller_dip_id: str, market: Market, day: date) -> None:
        self._caller = caller_dip_id
        self._market = market
        self._day = day
        self._known: dict[tuple[str, str | None], Fault | None] = {}

    def find_fault(self, status: StatusMessage) -> Fault | None:
        """The first fault that can be seen without looking for the message it is about."""
        key = (status.senderID, status.DIPConnectionProviderID)
        if key not in self._known:
            self._known[key] = self._check_sender(*key)
        return self._known[key] or _find_form_fault(status)

    def _check_sender(self, sender: str, provider: str | None) -> Fault | None:
        participant = self._market.participants.get(sender)
        if participant is None:
            return _NOT_PARTICIPANT
        nominated = (self._market.is_nominated(self._caller, sender, role, self._day) for role in participant.roles)
        if sender != self._caller and not any(nominated):
            return _NOT_NOMINATED
        return None if provider in (None, self._caller) else _NOT_PROVIDER


def _find_form_fault(status: StatusMessage) -> Fault | None:
    if not is_timestamp(status.sentTimestamp):
        return _NO_TIME
    # E2E 4.7.1: mandatory, though the published schema has room for null.
    return _NO_TEXT if status.message is None else None


def find_subject_fault(status: StatusMessage, receipts: Mapping[str, Receipt]) -> Fault | None:
    """Whether the message it is about was sent to who speaks, by who is spoken to."""
    receipt = receipts.get(status.transactionID or "")
    if receipt is None or status.senderID not in receipt.recipients:
        return _NOT_RECEIVED
    return None if status.recipientID == receipt.sender else _NOT_TO_SENDER
