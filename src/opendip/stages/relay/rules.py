"""What the operator sets for relaying."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RelayRules:
    """As for accepting: `dip_id` is the DIP's own, `response_texts` the catalogue's."""

    max_messages: int
    dip_id: str
    response_texts: Mapping[str, str]
    ticket_url: str | None
    """What a transaction id is appended to for a service ticket link; None for no links (E2E 4.2.6)."""
