import json
from datetime import UTC, date, datetime
from random import Random

import msgspec
import pytest

from opendip.catalogue import compile_channel, load
from opendip.catalogue.samples import make_message
from opendip.domain.dates import compile_days
from opendip.domain.publications import Header, Publisher, Republisher, Wrapper, join_batch, name_transaction

AT = datetime(2026, 3, 21, 19, 5, 7, 123_456, tzinfo=UTC)
A0 = b'{"primaryRecipients":[],"secondaryRecipients":["2300000012"],"always":["1800000013"]}'
CATALOGUE = load()
EVERY_EVENT = [(c.id, event) for c in CATALOGUE.channels.values() for event in c.event_codes]


def a_wrapper(channel: str = "IF-021", *, correlated: str = "", ticket_url: str | None = None) -> Wrapper:
    publication = CATALOGUE.channels[channel].publication_id
    return Wrapper(77, AT, channel, publication, frozenset(correlated.split()), ticket_url)


def a_message(channel: str = "IF-021", event: str = "ActivePower") -> bytes:
    return json.dumps(make_message(CATALOGUE.channels[channel], event, CATALOGUE, Random(7))).encode()


@pytest.mark.parametrize(("channel", "event"), EVERY_EVENT)
def test_a_publication_is_what_was_sent_with_a0_and_d0_and_still_passes_its_schema(channel: str, event: str) -> None:
    sent = a_message(channel, event)
    published = Publisher(a_wrapper(channel)).publish(Header(sent), A0, 3)
    got, was = json.loads(published)["payload"], json.loads(sent)["payload"]
    assert got.get("CustomBlock") == was.get("CustomBlock")
    assert got["CommonBlock"].pop("A0") == json.loads(A0)
    d0 = got["CommonBlock"].pop("D0")
    assert got["CommonBlock"] == {n: b for n, b in was["CommonBlock"].items() if n not in ("A0", "D0")}
    assert d0["publicationID"] == CATALOGUE.channels[channel].publication_id
    compile_channel(CATALOGUE.channels[channel], CATALOGUE).decode(published)


def test_d0_says_which_transaction_when_and_that_it_is_no_replay() -> None:
    sent = a_message()
    d0 = json.loads(Publisher(a_wrapper()).publish(Header(sent), A0, 3))["payload"]["CommonBlock"]["D0"]
    s1 = json.loads(sent)["payload"]["CommonBlock"]["S1"]
    assert d0 == {
        "transactionID": f"T-IF-021-{s1['senderDIPID']}-{s1['senderRoleID']}-20260321-00000000004d00003",
        "transactionTimestamp": "2026-03-21T19:05:07+00:00",
        "publicationID": "PUB-021",
        "initialCorrelationID": None,
        "replayIndicator": False,
        "serviceTicketURL": None,
    }
    assert d0["transactionID"] == name_transaction(a_wrapper(), Header(sent).sender, 3)


def test_a_correlation_id_is_made_only_on_event_codes_that_begin_a_workflow() -> None:
    publisher = Publisher(a_wrapper("IF-031", correlated="MSApp"))
    begins, goes_on = Header(a_message("IF-031", "MSApp")), Header(a_message("IF-031", "DSApp"))
    assert publisher.find_created_correlation(begins, 3) == "CI-20260321-00000000004d00003"
    assert publisher.find_created_correlation(goes_on, 3) is None
    assert b'"initialCorrelationID":"CI-20260321-00000000004d00003"' in publisher.publish(begins, A0, 3)


@pytest.mark.parametrize(("channel", "event"), EVERY_EVENT)
def test_a_replayed_message_has_new_ids_and_its_first_wrapper_and_passes_its_schema(channel: str, event: str) -> None:
    wrapper = a_wrapper(channel, correlated=event, ticket_url="https://tickets.example.org/")
    header = Header(a_message(channel, event))
    first = json.loads(Publisher(wrapper).publish(header, A0, 3))
    published = Republisher(wrapper, 0xBEEF).publish(header, A0, 3)
    again = json.loads(published)
    initial = first["payload"]["CommonBlock"].pop("D0")
    replayed = again["payload"]["CommonBlock"].pop("D0")
    assert again == {**first, "initialD0": initial}
    assert replayed == {
        **initial,
        "transactionID": f"R-0000beef-{initial['transactionID']}",
        "initialCorrelationID": f"R-0000beef-{initial['initialCorrelationID']}",
        "replayIndicator": True,
        "serviceTicketURL": f"https://tickets.example.org/R-0000beef-{initial['transactionID']}",
    }
    assert replayed["transactionID"] == name_transaction(wrapper, header.sender, 3, 0xBEEF)
    compile_channel(CATALOGUE.channels[channel], CATALOGUE).decode(published)


def test_a_replayed_message_without_a_correlation_id_gets_none() -> None:
    replayed = json.loads(Republisher(a_wrapper(), 1).publish(Header(a_message()), A0, 3))
    assert replayed["payload"]["CommonBlock"]["D0"]["initialCorrelationID"] is None


def test_a_ticket_link_names_the_transaction() -> None:
    wrapper = a_wrapper(ticket_url="https://tickets.example.org/new?transaction=")
    d0 = json.loads(Publisher(wrapper).publish(Header(a_message()), A0, 3))["payload"]["CommonBlock"]["D0"]
    assert d0["serviceTicketURL"] == "https://tickets.example.org/new?transaction=" + d0["transactionID"]


def test_the_body_is_carried_byte_for_byte() -> None:
    body = '{ "B044" : {"issuingDataServiceDIPID":"1100000010"},\n "odd \\u00e9" : [1.50, 1e2, "caf\u00e9"]}'
    common = json.dumps(json.loads(a_message())["payload"]["CommonBlock"])
    sent = f'{{"payload":{{"CustomBlock":{body},"CommonBlock":{common}}}}}'.encode()
    assert f'"CustomBlock":{body}'.encode() in Publisher(a_wrapper()).publish(Header(sent), A0, 0)


def test_a_property_given_twice_is_delivered_once_with_the_value_that_was_checked() -> None:
    sent = a_message().replace(b'"senderDIPID":', b'"sender\\u0044IPID": "9999999999", "senderDIPID":')
    published = Publisher(a_wrapper()).publish(Header(sent), A0, 0)
    assert b"9999999999" not in published
    assert json.loads(published)["payload"]["CommonBlock"]["S1"] == json.loads(sent)["payload"]["CommonBlock"]["S1"]


def test_published_messages_make_a_json_array() -> None:
    assert json.loads(join_batch([b'{"n":1}', b'{"n":2}'])) == [{"n": 1}, {"n": 2}]


PATH = ("CustomBlock", "B900", "settlementDayConsumptionPeriods", "[]", "settlementDay", "settlementDayDate")


def list_days(body: object) -> frozenset[date] | None:
    return compile_days(PATH)(msgspec.Raw(json.dumps(body).encode()))


def test_a_message_about_several_days_names_each() -> None:
    periods = [{"settlementDay": {"settlementDayDate": f"2026-03-{n}T00:00:00+00:00"}} for n in (20, 21, 20)]
    body = {"B044": {"other": 1}, "B900": {"settlementDayConsumptionPeriods": periods}}
    assert list_days(body) == {date(2026, 3, 20), date(2026, 3, 21)}


def test_a_message_that_does_not_say_its_day_names_none() -> None:
    assert list_days({"B044": {}}) == frozenset()


def test_a_day_that_is_no_date_cannot_be_read() -> None:
    periods = [{"settlementDay": {"settlementDayDate": "2026-02-30T00:00:00+00:00"}}]
    assert list_days({"B900": {"settlementDayConsumptionPeriods": periods}}) is None
