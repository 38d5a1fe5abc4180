"""Decoders accept what the definitions accept, refuse the rest, and show a message as it is on the wire."""

import json
from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from opendip.catalogue import (
    Catalogue,
    MessageDecoder,
    compile_channel,
    compile_definition,
    list_definition_faults,
    list_faults,
    load,
)
from opendip.catalogue.compiling import ShapeDecoder
from opendip.catalogue.patterns import translate_pattern
from opendip.catalogue.samples import make_message, set_value

Decoders = Mapping[str, MessageDecoder]
PERIODS = "CustomBlock.B900.settlementDayConsumptionPeriods.0.consumptionPeriods"


def make(catalogue: Catalogue, channel_id: str, event_code: str, **options: Any) -> dict[str, Any]:
    return make_message(catalogue.channels[channel_id], event_code, catalogue, Random(1), **options)


def encode(message: dict[str, Any], **values: Any) -> bytes:
    for name, value in values.items():
        set_value(message["payload"], name, value)
    return json.dumps(message).encode()


def refuses(decoder: MessageDecoder, raw: bytes) -> bool:
    try:
        decoder.decode(raw)
    except msgspec.ValidationError:
        return True
    return False


def test_a_decoded_message_mirrors_the_wire(catalogue: Catalogue, decoders: Decoders) -> None:
    raw = encode(make(catalogue, "IF-021", "ActivePower", sender="1400000001", mpan="2000056535971"))

    message = decoders["IF-021"].decode(raw)

    assert message.payload.CommonBlock.S0.eventCode == "[ActivePower]"
    assert message.payload.CommonBlock.S1.senderDIPID == "1400000001"
    assert message.payload.CommonBlock.M0.MPANCore == "2000056535971"
    assert msgspec.json.decode(msgspec.json.encode(message)) == json.loads(raw)


def test_a_block_that_is_left_out_or_unknown_to_the_channel_is_unset(catalogue: Catalogue, decoders: Decoders) -> None:
    common = decoders["IF-021"].decode(encode(make(catalogue, "IF-021", "ActivePower"))).payload.CommonBlock

    assert (common.A0, common.M1, common.R0) == (UNSET, UNSET, UNSET)


def test_a_message_may_be_a_slice_of_a_batch(catalogue: Catalogue, decoders: Decoders) -> None:
    one = encode(make(catalogue, "IF-021", "ActivePower"))
    batch = msgspec.json.decode(b"[" + one + b"," + one + b"]", type=list[msgspec.Raw])

    decoded = [decoders["IF-021"].decode(raw) for raw in (batch[0], memoryview(one))]

    assert decoded[0] == decoded[1]


def test_the_event_code_decides_which_blocks_a_message_needs(catalogue: Catalogue, decoders: Decoders) -> None:
    message = make(catalogue, "IF-001", "InitialRegistration")
    message["payload"]["CommonBlock"]["S0"]["eventCode"] = "[ChangeOfSupplier]"

    with pytest.raises(msgspec.ValidationError, match="B003"):
        decoders["IF-001"].decode(encode(message))


def test_an_event_code_of_another_channel_is_refused(catalogue: Catalogue, decoders: Decoders) -> None:
    for channel_id, event_code in (("IF-021", "ActivePower"), ("IF-005", "MeterInstall")):
        message = make(catalogue, channel_id, event_code)
        message["payload"]["CommonBlock"]["S0"]["eventCode"] = "[MPANCreation]"

        assert refuses(decoders[channel_id], encode(message))


def test_an_event_code_listed_by_two_variants_is_read_by_its_own(catalogue: Catalogue, decoders: Decoders) -> None:
    channel = catalogue.channels["IF-020"]

    assert channel.get_variant("RelatedAdd").name == "IF-020-RelatedAdd"
    assert decoders["IF-020"].decode(encode(make(catalogue, "IF-020", "RelatedAdd")))


@pytest.mark.parametrize("value", ["1.0000", "1.000\n", "1.000\n2.000", "\n", "", "٣.٣٣٣", "1,000", " 1.000"])
def test_a_pattern_holds_for_every_value_in_a_list(catalogue: Catalogue, decoders: Decoders, value: str) -> None:
    message = make(catalogue, "IF-021", "ActivePower")

    assert refuses(decoders["IF-021"], encode(message, **{f"{PERIODS}.7.v": value}))


@cache
def load_day() -> tuple[Catalogue, ShapeDecoder]:
    catalogue = load()
    return catalogue, compile_definition("B901", catalogue)


@settings(deadline=None)
@given(values=st.lists(st.from_regex(r"-?[0-9]{1,9}\.[0-9]{3}\n?|[0-9.\n]{0,9}", fullmatch=True), max_size=6))
def test_values_checked_together_are_held_to_what_each_is_held_to(values: list[str]) -> None:
    catalogue, decoder = load_day()
    day = {"settlementDayDate": "2026-03-20T00:00:00+00:00", "periodDuration": 30}
    period = {"sp": "2026-03-20T00:30:00+00:00", "q": "A", "e": None, "arc": None}
    raw = json.dumps({"settlementDay": day, "consumptionPeriods": [{**period, "v": v} for v in values]}).encode()

    each_is_right = all(
        not list_definition_faults("DT-016-Decimal-9-3", catalogue, json.dumps(v).encode()) for v in values
    )

    assert _accepts(decoder, raw) is (each_is_right and bool(values))


def _accepts(decoder: ShapeDecoder, raw: bytes) -> bool:
    try:
        decoder.decode(raw)
    except msgspec.ValidationError:
        return False
    return True


def test_null_among_patterned_values_of_a_list_is_allowed_only_where_published(
    catalogue: Catalogue, decoders: Decoders
) -> None:
    totals = "CustomBlock.B912List.0.LSGTotals.0.LSTTotals.0"
    message = make(catalogue, "IF-023", "LSSTotalsData", complete=True)

    assert decoders["IF-023"].decode(encode(message, **{f"{totals}.loadShapeDayPeakTotal": None}))
    assert refuses(decoders["IF-023"], encode(message, **{f"{totals}.loadShapeDayTotal": None}))


@pytest.mark.parametrize(
    ("duration", "is_right"),
    [("30", True), ("30.0", True), ("3e1", True), ("30.5", False), ('"30"', False), ("true", False)],
)
def test_a_whole_number_is_one_however_it_is_written(catalogue: Catalogue, duration: str, is_right: bool) -> None:
    decoder = compile_definition("DI-081-Settlement-Period-Duration", catalogue)

    assert _accepts(decoder, duration.encode()) is is_right


@pytest.mark.parametrize(
    ("value", "is_right"),
    [("0.1", True), ("4.35", True), ("7", True), ("0.0015", False), ('"1"', False), ("true", False)],
)
def test_a_step_that_is_a_fraction_is_checked_in_decimals(catalogue: Catalogue, value: str, is_right: bool) -> None:
    decoder = compile_definition("DI-450-Defaulted-Load-Shape-Period-Value", catalogue)

    assert _accepts(decoder, value.encode()) is is_right


def test_lengths_count_characters_and_not_bytes(catalogue: Catalogue) -> None:
    decoder = compile_definition("DT-001N-AddressLine", catalogue)

    assert decoder.decode(json.dumps("é😀" * 20, ensure_ascii=False).encode())
    assert not _accepts(decoder, json.dumps("é" * 41).encode())


def test_properties_beside_the_payload_are_admitted_and_inside_it_refused(
    catalogue: Catalogue, decoders: Decoders
) -> None:
    message = make(catalogue, "IF-021", "ActivePower")

    assert decoders["IF-021"].decode(encode(message | {"note": 1}))
    assert refuses(decoders["IF-021"], encode({"payload": message["payload"] | {"note": 1}}))


def test_a_property_given_twice_is_held_to_both_values(catalogue: Catalogue, decoders: Decoders) -> None:
    # JSON Schema speaks of parsed values, where only the last is left; a recipient may read the first.
    raw = encode(make(catalogue, "IF-021", "ActivePower")).replace(b'"q": "A"', b'"q": "?", "q": "A"', 1)

    assert refuses(decoders["IF-021"], raw)
    assert [fault.path.rpartition(".")[2] for fault in list_faults(catalogue.channels["IF-021"], catalogue, raw)] == [
        "q"
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[1,", b'{"payload": }', b"\xff", b'{"payload":' + b"[" * 5000 + b"]" * 5000 + b"}"]
)
def test_what_is_not_json_is_refused_as_such(catalogue: Catalogue, decoders: Decoders, raw: bytes) -> None:
    for channel_id in ("IF-021", "IF-001"):
        with pytest.raises(msgspec.DecodeError):
            decoders[channel_id].decode(raw)
        assert len(list_faults(catalogue.channels[channel_id], catalogue, raw)) == 1


@pytest.mark.parametrize("channel_id", ["IF-021", "IF-001"])
@pytest.mark.parametrize("place", ["subText", "beside the payload"])
def test_bytes_that_are_not_utf_8_are_refused_wherever_they_stand(
    catalogue: Catalogue, decoders: Decoders, channel_id: str, place: str
) -> None:
    message = make(catalogue, channel_id, catalogue.channels[channel_id].event_codes[0])
    raw = encode(message | {"note": "beside the payload"}, subText="subText").replace(
        b': "' + place.encode(), b': "\xff'
    )

    with pytest.raises(msgspec.DecodeError, match="JSON is not UTF-8"):
        decoders[channel_id].decode(raw)
    assert [str(fault) for fault in list_faults(catalogue.channels[channel_id], catalogue, raw)] == [
        "the message: JSON in UTF-8; found other bytes"
    ]


def test_a_choice_of_messages_has_no_decoder_of_its_own(catalogue: Catalogue) -> None:
    with pytest.raises(NotImplementedError, match="channel by channel"):
        compile_definition("DIPMessage", catalogue)


def test_patterns_mean_what_they_mean_in_ecma(catalogue: Catalogue) -> None:
    assert translate_pattern(r"^\d{2}\$$") == r"(?a:^\d{2}\$\Z)"


def test_every_channel_compiles_and_accepts_its_own_messages_only(catalogue: Catalogue) -> None:
    channel = catalogue.channels["IF-007"]
    decoder = compile_channel(channel, catalogue)

    assert decoder.decode(encode(make(catalogue, "IF-007", "EnergisationStatusFailure")))
    assert refuses(decoder, encode(make(catalogue, "IF-008", "EnergisationStatusChange")))
