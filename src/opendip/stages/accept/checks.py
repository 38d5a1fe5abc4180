"""What is checked of each message beyond its schema (E2E 4.4.3), in the specification's order.

A fault of the environment refuses the call; any other refuses the one message. What depends only on who sends is
worked out once for each sender of a call.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from opendip.domain.market import Market
from opendip.domain.outcomes import (
    CORRELATION_INVALID,
    PROCESSING_FAILED,
    PROVIDER_INVALID,
    ROLE_INVALID,
    SENDER_INVALID,
    TIMESTAMP_INVALID,
    Fault,
)
from opendip.domain.references import format_reference_start, format_transaction_prefix, is_timestamp
from opendip.stages.accept.channels import AcceptingChannel

_CORRELATION = re.compile(r"CI-[0-9]{8}-[0-9a-zA-Z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckedSender:
    """A sender, role and provider as one message names them: perhaps a fault; how its references begin."""

    fault: Fault | None
    reference_start: str
    reference_start_short: str
    transaction_prefix: str


class Checks:
    """The checks of one call."""

    def __init__(
        self, channel: AcceptingChannel, caller_dip_id: str, market: Market, day: date, submission: int
    ) -> None:
        self._channel = channel
        self._caller = caller_dip_id
        self._market = market
        self._day = day
        self._submission = submission
        self._senders: dict[tuple[str, str, str | None], CheckedSender] = {}
        self._timestamps: dict[str, bool] = {}

    def get_sender(self, s1: Any) -> CheckedSender:
        key = (s1.senderDIPID, s1.senderRoleID, s1.DIPConnectionProviderID)
        sender = self._senders.get(key)
        if sender is None:
            sender = self._senders[key] = self._check_sender(*key)
        return sender

    def find_fault(self, s1: Any, sender: CheckedSender, event_code: str) -> Fault | None:
        """The first fault of a message, but for the uniqueness of its reference, which the store decides."""
        if sender.fault is not None:
            return sender.fault
        reference = s1.senderUniqueReference
        if not reference.startswith((sender.reference_start, sender.reference_start_short)):
            text = f"senderUniqueReference must be {sender.reference_start}<8 digits>-<letters and digits>."
            return Fault(PROCESSING_FAILED, text)
        return self._find_correlation_fault(s1.senderCorrelationID, event_code) or self._find_timestamp_fault(
            s1.senderTimestamp
        )

    def _find_correlation_fault(self, correlation: str | None, event_code: str) -> Fault | None:
        if correlation is None:
            if event_code not in self._channel.copiers:
                return None
            text = "senderCorrelationID must copy the correlation id of the message that began this workflow."
            return Fault(CORRELATION_INVALID, text)
        if _CORRELATION.fullmatch(correlation):
            return None
        return Fault(CORRELATION_INVALID, "senderCorrelationID must be CI-<8 digits>-<letters and digits>.")

    def _find_timestamp_fault(self, timestamp: str) -> Fault | None:
        is_good = self._timestamps.get(timestamp)
        if is_good is None:
            is_good = self._timestamps[timestamp] = is_timestamp(timestamp)
        if is_good:
            return None
        text = "senderTimestamp must be an RFC 3339 time with an offset, such as 2026-03-21T19:05:00+00:00."
        return Fault(TIMESTAMP_INVALID, text)

    def _check_sender(self, dip_id: str, role: str, provider: str | None) -> CheckedSender:
        start = format_reference_start(self._channel.id, dip_id, role)
        prefix = format_transaction_prefix(self._channel.id, dip_id, role, self._day, self._submission)
        fault = self._find_sender_fault(dip_id, role, provider)
        return CheckedSender(fault, start.text, start.short_text, prefix)

    def _find_sender_fault(self, dip_id: str, role: str, provider: str | None) -> Fault | None:
        participant = self._market.participants.get(dip_id)
        if participant is None:
            return Fault(SENDER_INVALID, "senderDIPID is not a participant.")
        acts_for_another = dip_id != self._caller
        if acts_for_another and provider is None:
            text = "senderDIPID is not the DIP id of this API key, and no DIPConnectionProviderID is named."
            return Fault(SENDER_INVALID, text)
        if not participant.has_role(role, self._day) or role not in self._channel.senders:
            roles = ", ".join(sorted(self._channel.senders)) or "the DIP itself"
            text = f"senderRoleID must be a role of the sender that sends {self._channel.id}: {roles}."
            return Fault(ROLE_INVALID, text)
        return self._find_provider_fault(dip_id, role, provider)

    def _find_provider_fault(self, dip_id: str, role: str, provider: str | None) -> Fault | None:
        if provider is None or provider == dip_id == self._caller:
            return None
        if provider != self._caller:
            text = "DIPConnectionProviderID must be the DIP id of this API key, or null when the sender calls."
            return Fault(PROVIDER_INVALID, text)
        if self._market.is_nominated(provider, dip_id, role, self._day):
            return None
        return Fault(PROVIDER_INVALID, "The sender has not nominated this connection provider for this role.")
