"""Level 3: collect a queue's next messages, sign them, POST them to the webhook, act on the answer (E2E 4.6)."""

from opendip.stages.deliver.deliverer import Deliverer
from opendip.stages.deliver.rules import DeliveryRules
from opendip.stages.deliver.transport import Transport

__all__ = ["Deliverer", "DeliveryRules", "Transport"]
