"""What an advanced data service gets on IF-016 is valid there, and says what was said (E2E 5.1.7)."""

from datetime import UTC, date, datetime
from random import Random
from typing import Any

import msgspec
import pytest

from opendip.catalogue import load
from opendip.catalogue.samples import make_message
from opendip.domain.outcomes import Fault
from opendip.domain.publications import Header
from opendip.domain.references import is_reference
from opendip.stages.consumption.replies import REJECTED, Reply, Request, prepare_replies

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
DIP, REQUESTER = "0000000000", "1400000045"
CATALOGUE = load()
REPLIES = prepare_replies(CATALOGUE, "SIT", DIP)
RECORDS = [("IF-021", "ActivePower"), ("IF-021", "ReactivePower"), ("IF-013", "ActivePowerDefaulted")]


def a_sample(channel: str, event_code: str, seed: int = 1, **options: Any) -> bytes:
    made = make_message(CATALOGUE.channels[channel], event_code, CATALOGUE, Random(seed), **options)
    return msgspec.json.encode(made)


def a_request(**options: Any) -> Request:
    raw = a_sample("IF-015", "ConsumptionReplay", sender=REQUESTER, role="ADS", mpan="2000000000006", **options)
    return Request(Header(raw), 0xABC, 3, date(2026, 3, 20))


def decode(reply: Reply) -> dict[str, Any]:
    REPLIES.decoder.decode(reply.data)
    payload: dict[str, Any] = msgspec.json.decode(reply.data)["payload"]
    return payload


@pytest.mark.parametrize(("channel", "event_code"), RECORDS)
@pytest.mark.parametrize("is_complete", [True, False])
def test_every_record_comes_out_as_a_valid_message(channel: str, event_code: str, is_complete: bool) -> None:
    for seed in range(20):
        raw = a_sample(channel, event_code, seed, complete=is_complete, periods=seed + 1)
        reply = REPLIES.write_record(a_request(), Header(raw), seed, NOW)
        assert reply is not None
        sent, payload = msgspec.json.decode(raw)["payload"], decode(reply)
        common = payload["CommonBlock"]
        assert common["S0"] == {"interfaceID": "IF-016", "schemaVersion": "011", "eventCode": f"[{event_code}]"}
        assert (common["S2"], common["M0"]) == (sent["CommonBlock"]["S1"], sent["CommonBlock"]["M0"])
        assert common["R1"] == {"responseCode": "A", "responseMessages": []}
        assert common["A0"]["primaryRecipients"] == [REQUESTER]
        assert (common["S1"]["senderDIPID"], common["S1"]["senderRoleID"]) == (DIP, "DIP")
        assert payload["CustomBlock"] == sent["CustomBlock"]


def test_the_body_is_carried_byte_for_byte() -> None:
    raw = a_sample("IF-021", "ActivePower").replace(b'"B900":', b'"B900" :  ')
    reply = REPLIES.write_record(a_request(), Header(raw), 0, NOW)
    assert reply is not None
    assert bytes(Header(raw).body) in reply.data  # type: ignore[arg-type]


def test_references_are_of_the_published_form_and_name_the_request_and_the_place_in_the_answer() -> None:
    record = Header(a_sample("IF-021", "ActivePower"))
    first, again, second = (REPLIES.write_record(a_request(), record, number, NOW) for number in (0, 0, 1))
    assert first is not None and again is not None and second is not None
    assert first.reference == again.reference == "S-IF-016-0000000000-DIP-20260320-000000000abc00003000000"
    assert second.reference == "S-IF-016-0000000000-DIP-20260320-000000000abc00003000001"
    assert is_reference(first.reference)


def test_a_request_put_on_the_queue_again_has_references_of_its_own() -> None:
    record, request = Header(a_sample("IF-021", "ActivePower")), a_request()
    replayed = Request(request.header, request.submission, request.message_index, request.accepted_on, 7)
    replies = [REPLIES.write_record(r, record, 0, NOW) for r in (request, replayed)]
    assert len({reply.reference for reply in replies if reply is not None}) == 2


def test_the_askers_correlation_id_is_copied() -> None:
    request = a_request(correlation_id="CI-20260320-00aF")
    reply = REPLIES.write_record(request, Header(a_sample("IF-021", "ActivePower")), 0, NOW)
    assert reply is not None
    assert decode(reply)["CommonBlock"]["S1"]["senderCorrelationID"] == reply.correlation_id == "CI-20260320-00aF"


@pytest.mark.parametrize("code", ["RCP1009", "RCP1061", "RCP1062"])
def test_a_rejection_is_a_valid_message_and_says_why(code: str) -> None:
    reply = REPLIES.write_rejection(a_request(), Fault(code, "What to mend." + "x" * 300), NOW)
    payload = decode(reply)
    assert payload["CommonBlock"]["S0"]["eventCode"] == f"[{REJECTED}]"
    response = payload["CommonBlock"]["R1"]
    assert response["responseCode"] == "R"
    assert response["responseMessages"][0] == f"{code} - {CATALOGUE.response_codes[code]}"
    assert response["responseMessages"][1].startswith("What to mend.")
    assert "CustomBlock" not in payload
    assert "S2" not in payload["CommonBlock"]


def test_what_would_not_be_valid_is_not_sent() -> None:
    raw = a_sample("IF-021", "ActivePower").replace(b'"issuingDataServiceDIPID"', b'"anotherOfAnOldSchema"')
    assert REPLIES.write_record(a_request(), Header(raw), 0, NOW) is None
    other = a_sample("IF-014", "ConsumptionOnDeEnergisedMPAN")
    assert REPLIES.write_record(a_request(), Header(other), 0, NOW) is None
