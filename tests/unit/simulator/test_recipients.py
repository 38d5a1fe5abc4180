"""Who ought to receive a message, by the demo's own reading of the routing rules."""

from datetime import date, timedelta

from opendip.catalogue.model import Route
from opendip.domain.market import Role, Tenure
from opendip.simulator.market import Address, MeteringPoint, Player
from opendip.simulator.recipients import Directory

TODAY = date(2026, 3, 21)
YESTERDAY = TODAY - timedelta(days=1)


def make_player(dip_id: str, *roles: str) -> Player:
    return Player(dip_id, "Example Ltd", "EXAM", roles)


def make_point(*addresses: Address) -> MeteringPoint:
    return MeteringPoint("9900000000018", "2500000011", addresses)


def make_route(primary: str = "", secondary: str = "", always: str = "") -> Route:
    return Route(*(frozenset(roles.split()) for roles in (primary, secondary, always)))


def test_the_sender_names_primary_recipients_by_a_role_they_hold() -> None:
    directory = Directory([make_player("A", "MSA", "ADS"), make_player("B", "SUP")])

    found = directory.find_recipients(make_route(primary="MSA MSS"), ["A"], make_point(), TODAY)

    assert found.primary == {"A"}
    assert found.copies == {"A": 1}


def test_a_dip_id_gets_a_copy_for_each_role_it_is_addressed_in() -> None:
    directory = Directory([make_player("A", "MDS", "LSS")])

    found = directory.find_recipients(make_route(always="MDS LSS CS"), [], make_point(), TODAY)

    assert found.always == {"A"}
    assert found.copies == {"A": 2}


def test_a_dip_id_and_role_gets_one_copy_however_it_is_addressed() -> None:
    directory = Directory([make_player("A", "SUP")])
    point = make_point(Address(Role("A", "SUP"), Tenure(YESTERDAY)))

    found = directory.find_recipients(make_route("SUP", "SUP", "SUP"), ["A"], point, TODAY)

    assert found.copies == {"A": 1}


def test_central_settlement_gets_a_copy_of_its_own_only_where_it_gets_none_otherwise() -> None:
    directory = Directory([make_player("A", "MDS", "CS"), make_player("B", "CS", "VAS")])

    found = directory.find_recipients(make_route(always="MDS CS"), [], make_point(), TODAY)

    assert found.copies == {"A": 1, "B": 1}


def test_the_responsible_of_the_day_in_question_are_found() -> None:
    directory = Directory([make_player("A", "SUP"), make_player("B", "SUP")])
    point = make_point(
        Address(Role("A", "SUP"), Tenure(date(2024, 1, 1), YESTERDAY)),
        Address(Role("B", "SUP"), Tenure(YESTERDAY)),
    )
    route = make_route(secondary="SUP LDSO")

    before = directory.find_recipients(route, [], point, YESTERDAY - timedelta(days=1))
    after = directory.find_recipients(route, [], point, YESTERDAY)

    assert (before.secondary, after.secondary) == ({"A"}, {"B"})
