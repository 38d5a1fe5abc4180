"""Level 4: what recipients say of messages they took, checked and sent on to the senders (E2E 4.7, 5.1.6)."""

from opendip.stages.relay.rules import RelayRules
from opendip.stages.relay.schema import StatusSchema, prepare_schema
from opendip.stages.relay.submission import relay

__all__ = ["RelayRules", "StatusSchema", "prepare_schema", "relay"]
