"""Who ought to receive a message, worked out from the market file and the routing data alone.

This is the demo's own reading of E2E 4.3.1. It shares nothing with the server but the catalogue, so that a
fault of the server's addressing shows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from opendip.catalogue.model import Route
from opendip.domain.market import Role
from opendip.simulator.market import MeteringPoint, Player, list_holders

_SETTLEMENT_ROLES = frozenset({"MDS", "LSS", "ISD", "VAS"})


@dataclass(frozen=True, slots=True)
class Recipients:
    """The DIP ids that the A0 block lists, and each one's copies: one for every role it is addressed in."""

    primary: frozenset[str]
    secondary: frozenset[str]
    always: frozenset[str]
    copies: Mapping[str, int]


class Directory:
    """The market as participants know it: who holds which roles."""

    def __init__(self, players: Iterable[Player]) -> None:
        players = tuple(players)
        self._roles = {player.dip_id: frozenset(player.roles) for player in players}
        self._holders = list_holders(players)

    def find_recipients(self, route: Route, named: Sequence[str], point: MeteringPoint, day: date) -> Recipients:
        """`named`: the sender's primary recipients; `day`: when the point's addresses must hold."""
        primary = {Role(dip_id, role) for dip_id in named for role in self._roles[dip_id] & route.primary}
        secondary = set(point.list_responsible(route.secondary, day))
        always = self._list_always(route)
        copies = Counter(role.dip_id for role in primary | secondary | always)
        return Recipients(_list_ids(primary), _list_ids(secondary), _list_ids(always), dict(copies))

    def _list_always(self, route: Route) -> set[Role]:
        found = {Role(dip_id, role) for role in route.always for dip_id in self._holders.get(role, ())}
        parts = {dip_id for dip_id, role in found if role in _SETTLEMENT_ROLES}
        # E2E 3.3.7: CS names the settlement services together; who is addressed as one of them has its copy.
        return {role for role in found if role.role != "CS" or role.dip_id not in parts}


def _list_ids(roles: Iterable[Role]) -> frozenset[str]:
    return frozenset(role.dip_id for role in roles)
