"""For whom a caller may receive: itself, and whoever has nominated it as connection provider (E2E 4.1)."""

from starlette.requests import Request

from opendip.api.calls import Refused, get_now
from opendip.api.context import ApiContext
from opendip.domain.market import Market, Participant
from opendip.domain.outcomes import PROVIDER_INVALID, ROLE_INVALID, Refusal, Status
from opendip.stages.accept import Caller


def get_recipient(request: Request, context: ApiContext, caller: Caller, channel: str | None) -> str:
    """The DIP id of the path, if the caller may receive for it; raises Refused, alike for unknown and others'.

    `channel`: it must be one that goes to a role of the recipient's; None: status messages, which everybody gets.
    """
    dip_id: str = request.path_params["recipient_id"]
    market, day = context.get_market(), get_now().date()
    participant = market.participants.get(dip_id)
    roles = {r for r in participant.roles if participant.has_role(r, day)} if participant else set()
    if participant is None or not _may_receive_for(market, caller, participant, roles):
        text = "You do not receive messages for this recipient id: it is not yours, nor has it nominated you."
        raise Refused(Refusal(Status.FORBIDDEN, PROVIDER_INVALID, text), caller.dip_id)
    if channel is not None and not roles & context.receivers[channel]:
        wanted = ", ".join(sorted(context.receivers[channel])) or "nobody"
        text = f"The recipient holds no role that {channel} goes to: {wanted}."
        raise Refused(Refusal(Status.FORBIDDEN, ROLE_INVALID, text), caller.dip_id)
    return dip_id


def list_entitled_roles(context: ApiContext, caller: Caller, recipient: str) -> frozenset[str] | None:
    """The roles of a recipient whose messages the caller may see; None: all it ever had, for they are its own."""
    if recipient == caller.dip_id:
        return None
    market, day = context.get_market(), get_now().date()
    roles = market.participants[recipient].roles
    return frozenset(role for role in roles if market.is_nominated(caller.dip_id, recipient, role, day))


def check_all_roles(context: ApiContext, caller: Caller, recipient: str) -> None:
    """Status messages are about what was sent in any role: a provider nominated for some sees none; raises Refused."""
    entitled, day = list_entitled_roles(context, caller, recipient), get_now().date()
    participant = context.get_market().participants[recipient]
    if entitled is None or all(role in entitled for role in participant.roles if participant.has_role(role, day)):
        return
    text = "Status messages are about all roles of the recipient, and it has nominated you for some of them only."
    raise Refused(Refusal(Status.FORBIDDEN, PROVIDER_INVALID, text), caller.dip_id)


def _may_receive_for(market: Market, caller: Caller, participant: Participant, roles: set[str]) -> bool:
    if participant.dip_id == caller.dip_id:
        return True
    day = get_now().date()
    return any(market.is_nominated(caller.dip_id, participant.dip_id, role, day) for role in roles)
