"""What could not be delivered in its channel's time goes to the dead letters, and its sender is told (FS 5.5.8)."""

from opendip.stages.expire.expirer import Expirer
from opendip.stages.expire.rules import ExpiryRules

__all__ = ["Expirer", "ExpiryRules"]
