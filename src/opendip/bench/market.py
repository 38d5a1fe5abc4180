"""The market of the bench: one sender, as many recipients of IF-021 as wanted, and metering points."""

from collections.abc import Sequence
from datetime import date

from opendip.domain.market import Role, Tenure
from opendip.simulator.market import Address, MeteringPoint, Player, make_mpan

POINTS = 20_000

SENDER = Player("1400000011", "Example Data Ltd", "EXDA", ("SDS",))
# In the order in which they join: the two an MPAN leads to, the central roles, then further holders of those.
RECIPIENTS = (
    Player("2300000011", "Example Supply Ltd", "EXSU", ("SUP",)),
    Player("2500000011", "Example Networks Ltd", "EXNE", ("LDSO",)),
    Player("1800000011", "Example Settlement Ltd", "EXSE", ("MDS",)),
    Player("1900000011", "Example Load Shapes Ltd", "EXLS", ("LSS",)),
    Player("2000000011", "Example Central Systems Ltd", "EXCS", ("CS",)),
    Player("1800000022", "Sample Settlement Ltd", "SASE", ("MDS",)),
    Player("1900000022", "Sample Load Shapes Ltd", "SALS", ("LSS",)),
    Player("2000000022", "Sample Central Systems Ltd", "SACS", ("CS",)),
)
_BEGINNING = Tenure(date(2024, 1, 1))


def list_recipients(count: int) -> Sequence[Player]:
    """Who gets every message."""
    return RECIPIENTS[:count]


def make_points(recipients: Sequence[Player]) -> list[MeteringPoint]:
    """All alike but for their number: whoever is found by MPAN is responsible for every one of them."""
    found = [p for p in recipients if p.roles[0] in ("SUP", "LDSO")]
    addresses = tuple(Address(Role(p.dip_id, p.roles[0]), _BEGINNING) for p in found)
    return [MeteringPoint(make_mpan(number), RECIPIENTS[1].dip_id, addresses) for number in range(POINTS)]
