"""What the operator sets for expiring, and in whose name senders are told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from opendip.domain.market import ChannelRule

SHORTEST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ExpiryRules:
    """The same for all channels; what is set for one is in its rule."""

    dip_id: str
    after: timedelta
    response_text: str
    """Of MSG1000, as the catalogue has it."""
    ticket_url: str | None = None

    def get_limit(self, rule: ChannelRule) -> timedelta:
        """How long a message of that channel is tried."""
        return rule.dead_letter_after or self.after

    def get_pause(self, rules: Iterable[ChannelRule]) -> timedelta:
        """How long to leave the queues alone: a message may wait that much longer, a hundredth of the shortest time."""
        shortest = min((self.get_limit(rule) for rule in rules), default=self.after)
        return max(SHORTEST_PAUSE, min(_LONGEST_PAUSE, min(shortest, self.after) / 100))
