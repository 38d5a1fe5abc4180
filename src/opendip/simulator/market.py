"""Who is who in the simulated market: participants in every role, all invented, and their metering points."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from opendip.domain.market import Role, Tenure

_BEGINNING = date(2024, 1, 1)
_CHECK_WEIGHTS = (3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43)


@dataclass(frozen=True, slots=True)
class Player:
    """A participant: its DIP id, who it is, its roles, and the connection provider it may act through."""

    dip_id: str
    organisation: str
    mpid: str
    roles: tuple[str, ...]
    provider: str | None = None


SUPPLIERS = (
    Player("2300000011", "Example Supply Ltd", "EXSU", ("SUP",)),
    Player("2300000022", "Sample Energy Ltd", "SAEN", ("SUP",)),
)
DISTRIBUTORS = (
    Player("2500000011", "Example Networks Ltd", "EXNE", ("LDSO",)),
    Player("2500000022", "Sample Networks Ltd", "SANE", ("LDSO",)),
)
REGISTRATION = Player("2200000011", "Example Networks Ltd", "EXRE", ("REGS",))
CONNECTION_PROVIDER = "4600000011"
CONNECTION_PROVIDER_ORGANISATION = "Example Connections Ltd"
SMART_METERING = (
    Player("1200000011", "Example Metering Ltd", "EXME", ("MSS",)),
    Player("1200000022", "Sample Metering Ltd", "SAME", ("MSS",), CONNECTION_PROVIDER),
)
SMART_DATA = (
    Player("1400000011", "Example Data Ltd", "EXDA", ("SDS",)),
    Player("1400000022", "Sample Data Ltd", "SADA", ("SDS",)),
)
ADVANCED = Player("1000000011", "Example Advanced Services Ltd", "EXAD", ("MSA", "ADS"))
UNMETERED = Player("1600000011", "Example Street Lighting Ltd", "EXSL", ("UMSO", "UMSDS"))
RETRIEVAL = Player("1500000011", "Example Retrieval Ltd", "EXRT", ("MDR",))
SETTLEMENT = Player("1800000011", "Example Settlement Ltd", "EXSE", ("MDS", "LSS"))
CENTRAL = Player("2000000011", "Example Settlement Ltd", "EXCS", ("CS", "ISD", "VAS"))
ENQUIRIES = Player("2600000011", "Example Enquiries Ltd", "EXEN", ("EES",))

PLAYERS: Sequence[Player] = (
    *SUPPLIERS,
    *DISTRIBUTORS,
    REGISTRATION,
    *SMART_METERING,
    *SMART_DATA,
    ADVANCED,
    UNMETERED,
    RETRIEVAL,
    SETTLEMENT,
    CENTRAL,
    ENQUIRIES,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Who is responsible for a metering point in a role, and on which days: a row of the address file."""

    role: Role
    tenure: Tenure


@dataclass(frozen=True, slots=True)
class MeteringPoint:
    """A metering point with everybody who is, was or will be responsible for it."""

    mpan: str
    distributor: str
    addresses: tuple[Address, ...]
    """In the order of their first days."""

    def list_responsible(self, roles: Iterable[str], day: date) -> list[Role]:
        """Who is responsible on that day, in those roles that anybody has; the latest tenure counts."""
        wanted = frozenset(roles)
        found: dict[str, Role] = {}
        for address in self.addresses:
            if address.role.role in wanted and address.tenure.covers(day):
                found[address.role.role] = address.role
        return list(found.values())

    def get_responsible(self, roles: Iterable[str], day: date) -> Role:
        """The one who is responsible in whichever of the roles; raises `LookupError` when nobody is."""
        return self.list_responsible(roles, day)[0]


METERING_ROLES = frozenset({"MSS", "MSA", "UMSO"})
DATA_ROLES = frozenset({"SDS", "ADS", "UMSDS"})


def make_metering_points(count: int, today: date) -> list[MeteringPoint]:
    """Seven in ten smart, a quarter advanced, the rest unmetered; a few changed supplier yesterday."""
    return [_make_metering_point(number, today) for number in range(count)]


def list_holders(players: Iterable[Player]) -> Mapping[str, tuple[str, ...]]:
    """Role to the DIP ids that hold it."""
    holders: dict[str, tuple[str, ...]] = {}
    for player in players:
        for role in player.roles:
            holders[role] = (*holders.get(role, ()), player.dip_id)
    return holders


def make_mpan(number: int) -> str:
    """The 13 digits of a metering point of distributor 99, which there is not, with their check digit."""
    digits = f"99{number:010d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _CHECK_WEIGHTS, strict=True))
    return f"{digits}{total % 11 % 10}"


def _make_metering_point(number: int, today: date) -> MeteringPoint:
    always = Tenure(_BEGINNING)
    distributor = DISTRIBUTORS[0 if number % 4 else 1]
    roles = [Role(distributor.dip_id, "LDSO"), Role(REGISTRATION.dip_id, "REGS"), *_list_services(number)]
    addresses = [Address(role, always) for role in roles]
    return MeteringPoint(make_mpan(number), distributor.dip_id, (*addresses, *_list_suppliers(number, today)))


def _list_services(number: int) -> Iterator[Role]:
    """Who meters, who collects the data, and for some who retrieves it."""
    share = number % 20
    if share < 14:
        yield Role(SMART_METERING[0].dip_id, "MSS")
        yield Role(SMART_DATA[share % 2].dip_id, "SDS")
        if share < 4:
            yield Role(RETRIEVAL.dip_id, "MDR")
    elif share < 19:
        yield Role(ADVANCED.dip_id, "MSA")
        yield Role(ADVANCED.dip_id, "ADS")
    else:
        yield Role(UNMETERED.dip_id, "UMSO")
        yield Role(UNMETERED.dip_id, "UMSDS")


def _list_suppliers(number: int, today: date) -> Iterator[Address]:
    supplier, other = SUPPLIERS if number % 3 else SUPPLIERS[::-1]
    changed_on = today - timedelta(days=1)
    if number % 20 == 7:
        yield Address(Role(other.dip_id, "SUP"), Tenure(_BEGINNING, changed_on))
        yield Address(Role(supplier.dip_id, "SUP"), Tenure(changed_on))
    else:
        yield Address(Role(supplier.dip_id, "SUP"), Tenure(_BEGINNING))
