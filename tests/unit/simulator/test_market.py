"""The simulated market has somebody in every role, and somebody responsible for every metering point."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from opendip.simulator.market import DATA_ROLES, METERING_ROLES, PLAYERS, list_holders, make_metering_points
from opendip.simulator.market_file import write_market

TODAY = date(2026, 3, 21)
ROLES = {
    *("SUP", "LDSO", "REGS", "MSS", "MSA", "UMSO", "SDS", "ADS", "UMSDS"),
    *("MDR", "MDS", "LSS", "CS", "ISD", "VAS", "EES"),
}


def test_somebody_holds_every_role() -> None:
    assert set(list_holders(PLAYERS)) == ROLES


def test_dip_ids_are_ten_digits_and_held_once() -> None:
    dip_ids = [player.dip_id for player in PLAYERS]
    assert len(set(dip_ids)) == len(dip_ids)
    assert all(len(dip_id) == 10 and dip_id.isdigit() for dip_id in dip_ids)


def test_some_participant_acts_through_a_connection_provider() -> None:
    assert any(player.provider for player in PLAYERS)


@pytest.mark.parametrize("roles", [{"SUP"}, {"LDSO"}, {"REGS"}, METERING_ROLES, DATA_ROLES])
def test_every_metering_point_has_one_responsible_for_each_service(roles: frozenset[str]) -> None:
    points = make_metering_points(40, TODAY)
    assert {len(point.list_responsible(roles, TODAY)) for point in points} == {1}


def test_some_metering_points_had_another_supplier_until_yesterday() -> None:
    points = make_metering_points(40, TODAY)
    before, now = (
        [point.get_responsible({"SUP"}, day) for point in points] for day in (TODAY - timedelta(days=3), TODAY)
    )
    assert 0 < sum(was != now_is for was, now_is in zip(before, now, strict=True)) < len(points)


def test_mpans_are_thirteen_digits_and_differ() -> None:
    mpans = {point.mpan for point in make_metering_points(2_000, TODAY)}
    assert len(mpans) == 2_000
    assert all(len(mpan) == 13 and mpan.isdigit() for mpan in mpans)


def test_the_files_hold_every_participant_and_every_address(tmp_path: Path) -> None:
    points = make_metering_points(20, TODAY)
    urls = {player.dip_id: f"https://127.0.0.1:{9000 + n}" for n, player in enumerate(PLAYERS)}

    file = write_market(tmp_path, PLAYERS, points, urls)

    written = yaml.safe_load(file.read_text())
    participants = [p for organisation in written["organisations"] for p in organisation["participants"]]
    assert {p["dip_id"] for p in participants} == {player.dip_id for player in PLAYERS}
    assert participants[0]["webhooks"]["status"].endswith("/status")
    (nomination,) = written["connection_providers"]
    assert nomination["for"] in urls
    with (tmp_path / written["address_files"][0]).open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == sum(len(point.addresses) for point in points)
    assert list(rows[0]) == ["mpan", "role", "dip_id", "from", "to"]
