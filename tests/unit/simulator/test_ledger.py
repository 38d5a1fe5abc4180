"""The books show everything that is missing, comes twice, goes astray or is not in form, and nothing else."""

import json
from datetime import date
from random import Random
from typing import Any

import pytest

from opendip.catalogue import Catalogue, compile_channel, load
from opendip.client.types import ResponseEntry
from opendip.domain.market import Role
from opendip.simulator.consumption import make_consumption
from opendip.simulator.ledger import Ledger
from opendip.simulator.market import SUPPLIERS, make_mpan
from opendip.simulator.postings import Posting
from opendip.simulator.recipients import Recipients

REFERENCE = "S-IF-021-1400000011-SDS-20260321-01"
TRANSACTION = "T-IF-021-1400000011-SDS-20260321-00000000000100000"
SUPPLIER = SUPPLIERS[0].dip_id
SETTLEMENT = "1800000011"
SENT = make_consumption(
    Random(1),
    mpan=make_mpan(1),
    sender=Role("1400000011", "SDS"),
    distributor="2500000011",
    settlement_day=date(2026, 3, 20),
    reference=REFERENCE,
    sent_at="2026-03-21T19:05:00+00:00",
    environment="SIT",
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture
def ledger(catalogue: Catalogue) -> Ledger:
    """One message sent: one copy is due to its supplier, two to settlement."""
    channel = catalogue.channels["IF-021"]
    ledger = Ledger({"IF-021": compile_channel(channel, catalogue).decode})
    recipients = Recipients(frozenset(), frozenset({SUPPLIER}), frozenset({SETTLEMENT}), {SUPPLIER: 1, SETTLEMENT: 2})
    ledger.post(REFERENCE, Posting(channel, "ActivePower", make_mpan(1), None, SENT, recipients), at=10.0)
    return ledger


def make_entry(**changes: Any) -> ResponseEntry:
    entry = {
        "transactionID": TRANSACTION,
        "senderUniqueReference": REFERENCE,
        "correlationID": None,
        "sentTimestamp": "2026-03-21T19:05:00+00:00",
        "senderID": "0000000000",
        "recipientID": "1400000011",
        "DIPConnectionProviderID": None,
        "message": "MSG0000 - Success",
    }
    return ResponseEntry(**{**entry, **changes})


def publish(**dip_block: Any) -> bytes:
    message = json.loads(SENT)
    common = message["payload"]["CommonBlock"]
    common["A0"] = {"primaryRecipients": [], "secondaryRecipients": [SUPPLIER], "always": [SETTLEMENT]}
    common["D0"] = {
        "transactionID": TRANSACTION,
        "transactionTimestamp": "2026-03-21T19:05:01+00:00",
        "publicationID": "PUB-021",
        "initialCorrelationID": None,
        "replayIndicator": False,
        "serviceTicketURL": None,
        **dip_block,
    }
    return json.dumps(message).encode()


def deliver_all(ledger: Ledger, raw: bytes) -> None:
    for dip_id in (SUPPLIER, SETTLEMENT, SETTLEMENT):
        ledger.note_delivery(dip_id, REFERENCE, raw, 10.5)


def list_kinds(ledger: Ledger) -> list[str]:
    ledger.close()
    return [fault.kind for fault in ledger.faults]


def test_a_day_on_which_all_goes_well_leaves_nothing_open(ledger: Ledger) -> None:
    assert ledger.outstanding == 4
    ledger.note_answer([make_entry()])
    deliver_all(ledger, publish())

    assert (ledger.outstanding, list_kinds(ledger), ledger.count_lost()) == (0, [], 0)
    assert list(ledger.tallies["IF-021"].latencies) == [0.5, 0.5, 0.5]


def test_a_delivery_may_be_quicker_than_the_answer(ledger: Ledger) -> None:
    deliver_all(ledger, publish())
    ledger.note_answer([make_entry()])

    assert (ledger.outstanding, list_kinds(ledger)) == (0, [])


def test_what_never_arrives_is_missing_and_shows_no_whole_mpan(ledger: Ledger) -> None:
    ledger.note_answer([make_entry()])
    ledger.note_delivery(SUPPLIER, REFERENCE, publish(), 10.5)
    ledger.note_delivery(SETTLEMENT, REFERENCE, publish(), 10.5)

    assert list_kinds(ledger) == ["missing"]
    assert ledger.count_lost() == 1
    assert make_mpan(1) not in ledger.faults[0].text


def test_one_copy_too_many_is_a_duplicate(ledger: Ledger) -> None:
    ledger.note_answer([make_entry()])
    deliver_all(ledger, publish())
    ledger.note_delivery(SUPPLIER, REFERENCE, publish(), 11.0)

    assert list_kinds(ledger) == ["duplicate"]


def test_a_copy_for_somebody_else_is_unexpected(ledger: Ledger) -> None:
    ledger.note_answer([make_entry()])
    deliver_all(ledger, publish())
    ledger.note_delivery(SUPPLIERS[1].dip_id, REFERENCE, publish(), 11.0)
    ledger.note_delivery(SUPPLIER, "S-of-nobody", publish(), 11.0)

    assert list_kinds(ledger) == ["unexpected", "unexpected"]


@pytest.mark.parametrize(
    "change",
    [
        {"publicationID": "PUB-022"},
        {"replayIndicator": True},
        {"transactionID": "T-1"},
        {"transactionTimestamp": "yesterday, about five pm."},
    ],
)
def test_a_dip_block_that_is_not_as_specified_is_out_of_form(ledger: Ledger, change: dict[str, Any]) -> None:
    ledger.note_answer([make_entry()])
    deliver_all(ledger, publish(**change))

    assert set(list_kinds(ledger)) == {"out of form"}


def test_a_correlation_id_on_a_channel_that_has_none_is_a_fault(ledger: Ledger) -> None:
    ledger.note_answer([make_entry()])
    deliver_all(ledger, publish(initialCorrelationID="CI-20260321-01"))

    assert list_kinds(ledger) == ["uncorrelated"]


@pytest.mark.parametrize(
    ("sent", "delivered"),
    [
        (b'"q": "A"', b'"q": "E"'),
        (b'"subText": null', b'"subText": "x"'),
        (SUPPLIER.encode(), b"2300000099"),
        (b'"sp"', b'"SP"'),
    ],
)
def test_whatever_differs_from_what_was_sent_is_out_of_form(ledger: Ledger, sent: bytes, delivered: bytes) -> None:
    ledger.note_answer([make_entry()])
    deliver_all(ledger, publish().replace(sent, delivered))

    assert set(list_kinds(ledger)) == {"out of form"}


def test_an_answer_with_another_transaction_id_than_the_delivery_is_out_of_form(ledger: Ledger) -> None:
    ledger.note_answer([make_entry(transactionID=TRANSACTION[:-1] + "1")])
    deliver_all(ledger, publish())

    assert list_kinds(ledger) == ["out of form"]


def test_of_a_refused_message_nothing_is_due(ledger: Ledger) -> None:
    ledger.note_answer([make_entry(transactionID=None, message="MSG1001 - Schema Validation Failure")])

    assert (ledger.outstanding, list_kinds(ledger)) == (0, ["refused"])


def test_of_a_refused_call_nothing_is_due(ledger: Ledger) -> None:
    ledger.note_refused_call([REFERENCE], "401")

    assert (ledger.outstanding, list_kinds(ledger)) == (0, ["refused"])
