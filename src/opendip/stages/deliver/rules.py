"""What the operator sets for delivering, and whose name the DIP signs in."""

from dataclasses import dataclass, field
from datetime import timedelta

from opendip.client.credentials import Credentials
from opendip.domain.breakers import BreakerRules
from opendip.domain.market import ChannelRule
from opendip.stages.deliver.batches import Limits


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """The same for all recipients; what one has set for itself is in its webhook."""

    credentials: Credentials
    dip_id: str
    limits: Limits
    """For recipients that set none."""
    retry_base: timedelta
    retry_ceiling: timedelta
    breaker: BreakerRules = field(default_factory=BreakerRules)
    lease: timedelta = timedelta(seconds=20)
    ticket_url: str | None = None
    concurrency: int = 512
    """Queues delivered at a time; those that fail, or whose recipients are slow, take up half of them at most."""
    recipient_concurrency: int = 8
    """Of them, one recipient's."""
    bodies_bytes: int = 2**30
    """What all bodies under way may come to: the more there are, the smaller each."""

    def get_retry(self, rule: ChannelRule) -> tuple[timedelta, timedelta]:
        """Base and ceiling of the back-off of a channel."""
        return rule.retry_base or self.retry_base, rule.retry_ceiling or self.retry_ceiling
