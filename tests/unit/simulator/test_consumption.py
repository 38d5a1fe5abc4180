"""Half-hourly consumption is valid, differs from message to message and has the size of the real thing."""

import json
from datetime import date
from random import Random

import pytest

from opendip.catalogue import compile_channel, load
from opendip.domain.market import Role
from opendip.simulator.consumption import PERIODS, make_consumption
from opendip.simulator.market import make_mpan


def make(random: Random, *, number: int = 1, provider: str | None = None) -> bytes:
    return make_consumption(
        random,
        mpan=make_mpan(number),
        sender=Role("1400000011", "SDS"),
        distributor="2500000011",
        settlement_day=date(2026, 3, 20),
        reference=f"S-IF-021-1400000011-SDS-20260321-{number:012x}",
        sent_at="2026-03-21T19:05:00+00:00",
        environment="SIT",
        provider=provider,
    )


@pytest.mark.parametrize("provider", [None, "4600000011"])
def test_consumption_fits_the_catalogue(provider: str | None) -> None:
    catalogue = load()
    decoder = compile_channel(catalogue.channels["IF-021"], catalogue)

    message = decoder.decode(make(Random(1), provider=provider))

    sender = message.payload.CommonBlock.S1
    assert (sender.senderDIPID, sender.senderRoleID) == ("1400000011", "SDS")
    assert sender.DIPConnectionProviderID == provider


def test_consumption_covers_every_half_hour_of_its_day_in_about_four_and_a_half_kilobytes() -> None:
    message = make(Random(1))

    (day,) = json.loads(message)["payload"]["CustomBlock"]["B900"]["settlementDayConsumptionPeriods"]
    starts = [period["sp"] for period in day["consumptionPeriods"]]
    assert len(set(starts)) == PERIODS
    assert (starts[0], starts[-1]) == ("2026-03-20T00:00:00+00:00", "2026-03-20T23:30:00+00:00")
    assert 4_300 <= len(message) <= 4_700


def test_two_messages_of_the_same_day_differ_in_their_values() -> None:
    random = Random(1)

    first, second = (json.loads(make(random, number=n))["payload"]["CustomBlock"] for n in (1, 2))

    assert first["B044"] == second["B044"]
    assert first["B900"] != second["B900"]


def test_the_same_seed_makes_the_same_message() -> None:
    assert make(Random(7)) == make(Random(7))
