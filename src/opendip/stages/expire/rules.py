"""What the operator sets for expiring, and in whose name senders are told."""

from dataclasses import dataclass
from datetime import timedelta

from opendip.domain.market import ChannelRule


@dataclass(frozen=True, slots=True)
class ExpiryRules:
    """The same for all channels; what is set for one is in its rule."""

    dip_id: str
    after: timedelta
    response_text: str
    """Of MSG1000, as the catalogue has it."""
    ticket_url: str | None = None
    interval_seconds: float = 2.0
    """How often the heads of the queues are looked at."""

    def get_limit(self, rule: ChannelRule) -> timedelta:
        """How long a message of that channel is tried."""
        return rule.dead_letter_after or self.after
