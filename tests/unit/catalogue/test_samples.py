"""Samples are valid messages of every channel and event code, and say what they are asked to say."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest

from opendip.catalogue import Catalogue, MessageDecoder
from opendip.catalogue.sample_values import MPAN_WEIGHTS, make_mpan
from opendip.catalogue.samples import make_message


def make(
    catalogue: Catalogue, channel_id: str = "IF-021", event_code: str = "ActivePower", **options: Any
) -> dict[str, Any]:
    return make_message(catalogue.channels[channel_id], event_code, catalogue, Random(7), **options)


@pytest.mark.parametrize("complete", [False, True])
def test_a_sample_of_every_event_code_of_every_channel_is_valid(
    catalogue: Catalogue, decoders: Mapping[str, MessageDecoder], complete: bool
) -> None:
    for channel in catalogue.channels.values():
        for event_code in channel.event_codes:
            for seed in range(3):
                message = make_message(channel, event_code, catalogue, Random(seed), complete=complete)
                decoded = decoders[channel.id].decode(json.dumps(message).encode())
                assert decoded.payload.CommonBlock.S0.eventCode == f"[{event_code}]"


def test_the_same_random_numbers_make_the_same_message(catalogue: Catalogue) -> None:
    assert make(catalogue, complete=True) == make(catalogue, complete=True)


def test_common_items_are_as_asked(catalogue: Catalogue) -> None:
    common = make(
        catalogue,
        sender="1400000001",
        role="SDS",
        environment="UIT",
        timestamp=datetime(2026, 3, 21, 19, 5, tzinfo=UTC),
        correlation_id="CI-20260321-1",
        connection_provider="1500000001",
        mpan="2000056535971",
        primary_recipients=["2300000001"],
    )["payload"]["CommonBlock"]

    assert common["S1"] == {
        "environmentTag": "UIT",
        "subText": None,
        "senderUniqueReference": common["S1"]["senderUniqueReference"],
        "senderTimestamp": "2026-03-21T19:05:00+00:00",
        "senderDIPID": "1400000001",
        "senderRoleID": "SDS",
        "senderCorrelationID": "CI-20260321-1",
        "DIPConnectionProviderID": "1500000001",
    }
    assert common["S1"]["senderUniqueReference"].startswith("S-IF-021-1400000001-SDS-20260321-")
    assert common["M0"]["MPANCore"] == "2000056535971"
    assert common["A0"]["primaryRecipients"] == ["2300000001"]


def test_an_mpan_goes_into_whichever_block_names_it(catalogue: Catalogue) -> None:
    common = make(catalogue, "IF-019", "RelatedAdd", mpan="2000056535971")["payload"]["CommonBlock"]

    assert common["M1"]["principalMPAN"] == "2000056535971"


def test_any_property_can_be_set_by_name_or_by_path(catalogue: Catalogue) -> None:
    path = "CustomBlock.B900.settlementDayConsumptionPeriods.0.consumptionPeriods.1.v"
    payload = make(catalogue, values={"GSPGroupID": "_C", path: "9.999"})["payload"]

    assert payload["CommonBlock"]["M0"]["GSPGroupID"] == "_C"
    periods = payload["CustomBlock"]["B900"]["settlementDayConsumptionPeriods"][0]["consumptionPeriods"]
    assert [period["v"] == "9.999" for period in periods[:3]] == [False, True, False]


def test_a_name_that_is_nowhere_in_the_message_is_an_error(catalogue: Catalogue) -> None:
    with pytest.raises(KeyError, match="no property colour"):
        make(catalogue, values={"colour": "blue"})


def test_consumption_is_of_whole_days_of_half_hours(catalogue: Catalogue) -> None:
    message = make(catalogue, days=(date(2026, 3, 1), date(2026, 3, 2)))

    days = message["payload"]["CustomBlock"]["B900"]["settlementDayConsumptionPeriods"]

    assert [day["settlementDay"]["settlementDayDate"][:10] for day in days] == ["2026-03-01", "2026-03-02"]
    assert [len(day["consumptionPeriods"]) for day in days] == [48, 48]
    assert days[1]["consumptionPeriods"][0]["sp"] == "2026-03-02T00:30:00+00:00"
    assert days[1]["consumptionPeriods"][47]["sp"] == "2026-03-03T00:00:00+00:00"


def test_a_report_carries_a_compressed_payload(catalogue: Catalogue) -> None:
    message = make(catalogue, "REP-002A", "DUoSEmbeddedLDSOAggData")

    assert message["payload"]["CustomBlock"]["P03"]["compressedReport"]
    assert message["payload"]["CommonBlock"]["S1"]["senderUniqueReference"].startswith("S-REP-002-")


def test_an_unknown_event_code_is_an_error_that_names_those_there_are(catalogue: Catalogue) -> None:
    with pytest.raises(KeyError, match="IF-021 has no event code Nothing; it has ActivePower, ReactivePower"):
        make(catalogue, event_code="Nothing")


def test_made_up_mpans_have_a_right_check_digit() -> None:
    mpan = make_mpan(Random(3))

    assert sum(int(d) * w for d, w in zip(mpan, MPAN_WEIGHTS, strict=False)) % 11 % 10 == int(mpan[12])
