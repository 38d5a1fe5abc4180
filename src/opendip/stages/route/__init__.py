"""Level 2: find every recipient of a message, put it on their queues, tell the sender what could not be (E2E 4.3)."""

from opendip.stages.route.channels import RoutingChannel, prepare_channels
from opendip.stages.route.router import Router

__all__ = ["Router", "RoutingChannel", "prepare_channels"]
