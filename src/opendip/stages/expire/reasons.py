"""Why messages were not delivered in time, and who is to act."""

from typing import NamedTuple

from opendip.domain.market import Webhook
from opendip.store.dead_letters import Owner
from opendip.store.expiries import OverdueQueue
from opendip.store.leases import OWN_FAULT

NOT_READABLE = "the DIP could not read it in its archive"


class Reason(NamedTuple):
    """What stood in the way, in words that go behind a colon."""

    owner: Owner
    text: str


def find_reason(queue: OverdueQueue, webhook: Webhook | None, outcome: str | None, dip_id: str) -> Reason:
    """`outcome`: of the last attempt, if it failed; `dip_id`: the DIP's own, which has no webhooks."""
    if queue.dip_id == dip_id:
        return Reason(Owner.PLATFORM, "the DIP has not read it")
    if outcome is not None and outcome.startswith(OWN_FAULT):
        return Reason(Owner.PLATFORM, outcome)
    if queue.stopped_reason is not None:
        return Reason(Owner.RECIPIENT, f"the webhook {queue.stopped_reason}")
    if webhook is None:
        return Reason(Owner.RECIPIENT, "the recipient has set no webhook")
    if webhook.paused_at is not None:
        # By whom is not kept: the recipient can pause it, and the operator.
        return Reason(Owner.RECIPIENT, f"its webhook is paused since {webhook.paused_at:%Y-%m-%d}")
    return Reason(Owner.RECIPIENT, outcome or "it did not come to its turn")
