"""Who must receive a message: whom the sender names, who is responsible for the metering point, who always does.

E2E 4.3.1: a message goes once to each DIP id and role. What the sender got wrong refuses the message; what the DIP
cannot find is reported, and the rest of the recipients still get the message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import msgspec

from opendip.domain.market import Market, Role
from opendip.domain.outcomes import Fault

PARTS_OF_CENTRAL_SETTLEMENT = frozenset({"MDS", "LSS", "ISD", "VAS"})
"""Roles of which CS is the parent (E2E 3.3.7): whoever gets a message as one of them gets no further copy as CS."""


class Route(Protocol):
    """The roles a message goes to, by kind of addressing."""

    @property
    def primary(self) -> frozenset[str]: ...
    @property
    def secondary(self) -> frozenset[str]: ...
    @property
    def always(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Addresses:
    """The recipients of a message, in a stable order, and its A0 block as delivered and archived."""

    recipients: tuple[Role, ...]
    block: bytes


@dataclass(frozen=True, slots=True)
class Addressing:
    """What became of addressing a message: perhaps recipients, perhaps faults to report to its sender, or both."""

    addresses: Addresses | None
    faults: tuple[Fault, ...]


def address(
    route: Route,
    named: Sequence[str],
    mpan: int | None,
    responsible: Iterable[Role],
    market: Market,
    day: date,
) -> Addressing:
    """Resolves the three kinds of addressing for one message accepted on that day.

    `named` is the sender's A0.primaryRecipients; `responsible` whoever the address book gives for the MPAN.
    """
    primary, faults = _find_primary(route, named, market, day)
    if faults:
        return Addressing(None, tuple(faults))
    secondary, faults = _find_secondary(route, mpan, responsible, market, day)
    always = _find_always(route, market, day)
    recipients = tuple(sorted({*primary, *secondary, *always}))
    if not recipients:
        nobody = Fault("MSG1030", "Nobody in the market holds a role that this message goes to; no copy was sent.")
        return Addressing(None, tuple(faults) or (nobody,))
    block = msgspec.json.encode(
        {
            "primaryRecipients": _list_ids(primary),
            "secondaryRecipients": _list_ids(secondary),
            "always": _list_ids(always),
        }
    )
    return Addressing(Addresses(recipients, block), tuple(faults))


def _list_ids(recipients: Iterable[Role]) -> list[str]:
    return sorted({r.dip_id for r in recipients})


def _find_primary(route: Route, named: Sequence[str], market: Market, day: date) -> tuple[set[Role], list[Fault]]:
    if not route.primary:
        return set(), []
    roles = ", ".join(sorted(route.primary))
    if not named:
        text = f"A0.primaryRecipients must name at least one recipient holding one of the roles {roles}."
        return set(), [Fault("MSG1030", text)]
    found: set[Role] = set()
    faults: list[Fault] = []
    for dip_id in dict.fromkeys(named):
        participant = market.participants.get(dip_id)
        if participant is None:
            faults.append(Fault("MSG1031", f"Primary recipient {dip_id} is not a participant."))
            continue
        held = {Role(dip_id, r) for r in route.primary if participant.has_role(r, day)}
        if not held:
            faults.append(Fault("MSG1032", f"Primary recipient {dip_id} holds none of the roles {roles}."))
        found |= held
    return found, faults


def _find_secondary(
    route: Route, mpan: int | None, responsible: Iterable[Role], market: Market, day: date
) -> tuple[set[Role], list[Fault]]:
    if not route.secondary:
        return set(), []
    if mpan is None:
        return set(), [Fault("MSG1037", "The message carries no MPAN, by which its recipients are found.")]
    found: set[Role] = set()
    faults: list[Fault] = []
    for recipient in responsible:
        if recipient.role not in route.secondary:
            continue
        participant = market.participants.get(recipient.dip_id)
        if participant is None:
            text = f"The address book names {recipient.dip_id} as {recipient.role}, which is not a participant."
            faults.append(Fault("MSG1033", text))
        elif not participant.has_role(recipient.role, day):
            text = f"The address book names {recipient.dip_id} as {recipient.role}, a role it does not hold."
            faults.append(Fault("MSG1034", text))
        else:
            found.add(recipient)
    if not found and not faults:
        roles = ", ".join(sorted(route.secondary))
        text = f"The address book names nobody for this MPAN on the date that applies in any of the roles {roles}."
        faults.append(Fault("MSG1038", text))
    return found, faults


def _find_always(route: Route, market: Market, day: date) -> set[Role]:
    found = {Role(dip_id, role) for role in route.always for dip_id in market.list_holders(role, day)}
    parts = {r.dip_id for r in found if r.role in PARTS_OF_CENTRAL_SETTLEMENT}
    return {r for r in found if r.role != "CS" or r.dip_id not in parts}
