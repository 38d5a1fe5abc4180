"""The market of the bench: one sender, as many recipients of IF-021 as wanted, and metering points."""

from collections.abc import Sequence
from datetime import date
from string import ascii_uppercase

from opendip.domain.market import Role, Tenure
from opendip.simulator.market import Address, MeteringPoint, Player, make_mpan

POINTS = 20_000
_POINTS_OF_A_SUPPLIER = 50

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


def list_suppliers(count: int) -> Sequence[Player]:
    """So many suppliers, each responsible for metering points of its own."""
    return [
        Player(f"23{number:07d}1", f"Example Supply {number:03d} Ltd", _make_mpid(number), ("SUP",))
        for number in range(1, count + 1)
    ]


def _make_mpid(number: int) -> str:
    return "ES" + "".join(ascii_uppercase[n] for n in divmod(number, len(ascii_uppercase)))


def list_recipients(count: int) -> Sequence[Player]:
    """Who gets every message."""
    return RECIPIENTS[:count]


def make_points(recipients: Sequence[Player]) -> list[MeteringPoint]:
    """All alike but for their number: whoever is found by MPAN is responsible for every one of them."""
    found = [p for p in recipients if p.roles[0] in ("SUP", "LDSO")]
    addresses = tuple(Address(Role(p.dip_id, p.roles[0]), _BEGINNING) for p in found)
    return [MeteringPoint(make_mpan(number), RECIPIENTS[1].dip_id, addresses) for number in range(POINTS)]


def make_supplied_points(suppliers: Sequence[Player]) -> list[MeteringPoint]:
    """Of any so many in a row, each supplier has one."""
    count = _POINTS_OF_A_SUPPLIER * len(suppliers)
    return [_supply(number, suppliers[number % len(suppliers)]) for number in range(count)]


def list_mpans(points: Sequence[MeteringPoint], suppliers: Sequence[Player]) -> tuple[str, ...]:
    """The metering points of these suppliers."""
    wanted = {player.dip_id for player in suppliers}
    return tuple(point.mpan for point in points if point.addresses[0].role.dip_id in wanted)


def _supply(number: int, supplier: Player) -> MeteringPoint:
    addresses = (Address(Role(supplier.dip_id, "SUP"), _BEGINNING),)
    return MeteringPoint(make_mpan(number), RECIPIENTS[1].dip_id, addresses)
