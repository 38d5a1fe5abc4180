from datetime import date

import msgspec

from opendip.catalogue import Route
from opendip.domain.addressing import Addressing, address
from opendip.domain.market import Market, Participant, Role, Tenure

DAY = date(2026, 3, 21)
OPEN = Tenure(date(2020, 1, 1))
ENDED = Tenure(date(2020, 1, 1), DAY)


def a_market(*held: tuple[str, str], tenure: Tenure = OPEN) -> Market:
    roles: dict[str, dict[str, Tenure]] = {}
    holders: dict[str, list[str]] = {}
    for dip_id, role in held:
        roles.setdefault(dip_id, {})[role] = tenure
        holders.setdefault(role, []).append(dip_id)
    participants = {d: Participant(d, f"Example {d} Ltd", None, r) for d, r in roles.items()}
    return Market(1, participants, {}, {}, {}, {}, {r: tuple(d) for r, d in holders.items()})


def resolve(
    market: Market,
    *,
    primary: str = "",
    secondary: str = "",
    always: str = "",
    named: tuple[str, ...] = (),
    mpan: int | None = 2000056535971,
    responsible: tuple[Role, ...] = (),
) -> Addressing:
    route = Route(frozenset(primary.split()), frozenset(secondary.split()), frozenset(always.split()))
    return address(route, named, mpan, responsible, market, DAY)


def codes(found: Addressing) -> list[str]:
    return [fault.code for fault in found.faults]


def test_all_three_kinds_of_addressing_are_combined_and_told_in_a0() -> None:
    market = a_market(("1200000015", "MSS"), ("2300000012", "SUP"), ("1800000013", "MDS"))
    found = resolve(
        market,
        primary="MSS MSA",
        secondary="SUP LDSO",
        always="MDS",
        named=("1200000015",),
        responsible=(Role("2300000012", "SUP"),),
    )
    assert found.faults == ()
    assert found.addresses is not None
    assert set(found.addresses.recipients) == {
        Role("1200000015", "MSS"),
        Role("2300000012", "SUP"),
        Role("1800000013", "MDS"),
    }
    assert msgspec.json.decode(found.addresses.block) == {
        "primaryRecipients": ["1200000015"],
        "secondaryRecipients": ["2300000012"],
        "always": ["1800000013"],
    }


def test_one_dip_id_gets_a_message_once_in_each_role_and_never_twice_in_one() -> None:
    market = a_market(("1200000015", "MSS"), ("1200000015", "MSA"))
    found = resolve(
        market,
        primary="MSS",
        secondary="MSS MSA",
        named=("1200000015", "1200000015"),
        responsible=(Role("1200000015", "MSS"), Role("1200000015", "MSA")),
    )
    assert found.addresses is not None
    assert found.addresses.recipients == (Role("1200000015", "MSA"), Role("1200000015", "MSS"))


def test_a_primary_recipient_that_is_missing_is_msg1030() -> None:
    found = resolve(a_market(("1200000015", "MSS")), primary="MSS")
    assert (found.addresses, codes(found)) == (None, ["MSG1030"])


def test_a_primary_recipient_unknown_to_the_market_is_msg1031_and_nothing_is_sent() -> None:
    market = a_market(("1200000015", "MSS"), ("1800000013", "MDS"))
    found = resolve(market, primary="MSS", always="MDS", named=("1200000015", "9999999999"))
    assert (found.addresses, codes(found)) == (None, ["MSG1031"])


def test_a_primary_recipient_without_the_role_is_msg1032() -> None:
    found = resolve(a_market(("1200000015", "SUP")), primary="MSS", named=("1200000015",))
    assert codes(found) == ["MSG1032"]


def test_a_primary_recipient_whose_role_has_ended_is_msg1032() -> None:
    found = resolve(a_market(("1200000015", "MSS"), tenure=ENDED), primary="MSS", named=("1200000015",))
    assert codes(found) == ["MSG1032"]


def test_named_recipients_count_only_where_the_channel_has_primary_addressing() -> None:
    found = resolve(a_market(("1800000013", "MDS")), always="MDS", named=("9999999999",))
    assert found.addresses is not None
    assert found.addresses.recipients == (Role("1800000013", "MDS"),)


def test_an_address_book_that_names_a_stranger_is_msg1033_and_the_others_still_get_it() -> None:
    market = a_market(("2300000012", "SUP"))
    found = resolve(market, secondary="SUP LDSO", responsible=(Role("2300000012", "SUP"), Role("1400000016", "LDSO")))
    assert codes(found) == ["MSG1033"]
    assert found.addresses is not None
    assert found.addresses.recipients == (Role("2300000012", "SUP"),)


def test_an_address_book_that_names_a_role_not_held_is_msg1034() -> None:
    found = resolve(a_market(("2300000012", "MDS")), secondary="SUP", responsible=(Role("2300000012", "SUP"),))
    assert codes(found) == ["MSG1034"]


def test_a_message_without_an_mpan_where_one_is_needed_is_msg1037() -> None:
    found = resolve(a_market(("1800000013", "MDS")), secondary="SUP", always="MDS", mpan=None)
    assert codes(found) == ["MSG1037"]
    assert found.addresses is not None


def test_an_mpan_for_which_nobody_is_responsible_is_msg1038_and_always_recipients_still_get_it() -> None:
    found = resolve(a_market(("1800000013", "MDS")), secondary="SUP LDSO", always="MDS")
    assert codes(found) == ["MSG1038"]
    assert found.addresses is not None


def test_what_the_address_book_knows_of_other_roles_is_left_out() -> None:
    market = a_market(("2300000012", "SUP"), ("1500000014", "MDR"))
    found = resolve(market, secondary="SUP", responsible=(Role("2300000012", "SUP"), Role("1500000014", "MDR")))
    assert found.addresses is not None
    assert found.addresses.recipients == (Role("2300000012", "SUP"),)


def test_central_settlement_is_not_a_further_copy_for_who_gets_it_as_one_of_its_parts() -> None:
    market = a_market(("1800000013", "MDS"), ("1800000013", "CS"), ("1900000018", "CS"))
    found = resolve(market, always="MDS CS")
    assert found.addresses is not None
    assert found.addresses.recipients == (Role("1800000013", "MDS"), Role("1900000018", "CS"))


def test_a_message_that_reaches_nobody_is_reported_and_not_dropped_in_silence() -> None:
    found = resolve(a_market(("2300000012", "SUP")), always="EES")
    assert (found.addresses, codes(found)) == (None, ["MSG1030"])
