"""The list of faults is complete, says where and what, and never repeats what a message holds."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec
import pytest

from opendip.catalogue import Catalogue, Fault, MessageDecoder, list_definition_faults, list_faults
from opendip.catalogue.samples import make_message, set_value

PERIODS = "CustomBlock.B900.settlementDayConsumptionPeriods.0.consumptionPeriods"


def make(catalogue: Catalogue, channel_id: str = "IF-021", event_code: str = "ActivePower") -> dict[str, Any]:
    return make_message(catalogue.channels[channel_id], event_code, catalogue, Random(1))


def find(catalogue: Catalogue, message: Any, channel_id: str = "IF-021", **options: int) -> list[Fault]:
    return list_faults(catalogue.channels[channel_id], catalogue, json.dumps(message).encode(), **options)


def test_a_valid_message_has_none(catalogue: Catalogue) -> None:
    assert find(catalogue, make(catalogue)) == []


def test_every_fault_is_told_with_its_place_and_what_was_expected(catalogue: Catalogue) -> None:
    message = make(catalogue)
    common = message["payload"]["CommonBlock"]
    common["S0"]["interfaceId"] = common["S0"].pop("interfaceID")
    common["S1"]["senderDIPID"] = "123"
    common["S1"]["environmentTag"] = None
    del common["M0"]
    set_value(message["payload"], f"{PERIODS}.3.q", "Q")
    set_value(message["payload"], f"{PERIODS}.4.v", 1.5)
    set_value(message["payload"], "CustomBlock.B044", [])
    day = "payload.CustomBlock.B900.settlementDayConsumptionPeriods[0]"

    assert set(find(catalogue, message)) == {
        Fault(
            "payload.CommonBlock.S0.interfaceId", "no such property; known are interfaceID, schemaVersion, eventCode"
        ),
        Fault("payload.CommonBlock.S0.interfaceID", "one of IF-021; it is required and missing"),
        Fault("payload.CommonBlock.S1.senderDIPID", "text of 10 characters; found text of 3 characters"),
        Fault("payload.CommonBlock.S1.environmentTag", "one of PRD, SITB, SIT, UIT, DEV; found null"),
        Fault("payload.CommonBlock.M0", "an object; it is required and missing"),
        Fault("payload.CustomBlock.B044", "an object; found a list of 0"),
        Fault(
            f"{day}.consumptionPeriods[3].q",
            "one of A, E, E0, E1, E2, E3, E4, E5, E6, E7, E8, E9 and 26 more; found text of 1 character",
        ),
        Fault(f"{day}.consumptionPeriods[4].v", r"text matching ^-?\d{1,9}\.\d{3}$; found a number"),
    }


def test_a_list_of_the_wrong_length_and_a_number_out_of_bounds_are_told(catalogue: Catalogue) -> None:
    message = make(catalogue)
    set_value(message["payload"], PERIODS, [])
    set_value(message["payload"], "periodDuration", 45)

    assert [fault.expected for fault in find(catalogue, message)] == [
        "the number 30; found a number",
        "a list of 1 to 48 items; found a list of 0",
    ]


@pytest.mark.parametrize(
    "secret", ["2000056535971", "1 Hidden Lane", 2000056535971, ["2000056535971"], {"2000056535971": 1}]
)
def test_no_fault_repeats_what_was_sent(catalogue: Catalogue, secret: Any) -> None:
    message = make(catalogue)
    for name in ("MPANCore", "senderDIPID", "settlementDayDate", "eventCode", "q", "periodDuration", "B044"):
        set_value(message["payload"], name, secret)
    message["payload"]["2000056535971"] = secret

    told = " ".join(str(fault) for fault in find(catalogue, message))

    assert "2000056535971" not in told
    assert "Hidden" not in told
    assert "(a name of 13 characters)" in told or "eventCode" in told


def test_an_unknown_event_code_leaves_nothing_else_to_judge(catalogue: Catalogue) -> None:
    message = make(catalogue, "IF-007", "EnergisationStatusChange")
    set_value(message["payload"], "eventCode", "[Nothing]")

    assert find(catalogue, message, "IF-007") == [
        Fault(
            "payload.CommonBlock.S0.eventCode",
            "one of [EnergisationStatusChange], [EnergisationStatusFailure]; found text of 9 characters",
        )
    ]


def test_an_event_code_of_another_interface_is_told_where_any_message_may_stand(catalogue: Catalogue) -> None:
    message = make(catalogue)
    set_value(message["payload"], "interfaceID", "IF-022")

    faults = list_definition_faults("DIPMessage", catalogue, json.dumps(message).encode())

    assert faults == [Fault("payload.CommonBlock.S0", "an event code of that interface")]


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ([], Fault("", "an object; found a list of 0")),
        ({}, Fault("payload", "an object; it is required and missing")),
        ({"payload": "x"}, Fault("payload", "an object; found text of 1 character")),
        ({"payload": {"CommonBlock": True}}, Fault("payload.CommonBlock", "an object; found true or false")),
    ],
)
def test_a_message_without_an_envelope_is_told_what_is_missing(
    catalogue: Catalogue, message: Any, fault: Fault
) -> None:
    assert fault in find(catalogue, message)


def test_no_more_faults_are_told_than_asked_for(catalogue: Catalogue) -> None:
    message = make(catalogue)
    set_value(message["payload"], "v", None)

    assert len(find(catalogue, message)) == 20
    assert len(find(catalogue, message, limit=3)) == 3


def test_a_fault_reads_as_a_sentence() -> None:
    assert str(Fault("payload.CommonBlock", "an object; found null")) == "payload.CommonBlock: an object; found null"
    assert str(Fault("", "an object; found null")) == "the message: an object; found null"


def test_there_are_faults_exactly_when_the_decoder_refuses(
    catalogue: Catalogue, decoders: Mapping[str, MessageDecoder]
) -> None:
    random = Random(11)
    for channel in catalogue.channels.values():
        for event_code in channel.event_codes:
            message = make_message(channel, event_code, catalogue, random, complete=True)
            raw = json.dumps(_spoil(message, random)).encode()
            assert _can_decode(decoders[channel.id], raw) is (list_faults(channel, catalogue, raw) == [])


def _spoil(message: Any, random: Random) -> Any:
    holder = message
    while True:
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if not isinstance(holder[key], dict | list) or not holder[key] or random.random() < 0.1:
            holder[key] = random.choice([None, "", 1, 2.5, True, [], {}, "x" * 300])
            return message
        holder = holder[key]


def _can_decode(decoder: MessageDecoder, raw: bytes) -> bool:
    try:
        decoder.decode(raw)
    except msgspec.ValidationError:
        return False
    return True
