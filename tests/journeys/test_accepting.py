"""What a call is answered that is as it should be (E2E 4.2.3, 4.4.3, 4.4.4)."""

import re

import pytest

from tests.journeys.answers import assert_accepted, load_release
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_reference
from tests.journeys.market import DATA, METERING, PROVIDER, SUPPLIER
from tests.journeys.participants import encode_batch, get_path


async def test_each_message_is_answered_with_a_transaction_id_in_the_order_sent(dip: Dip):
    messages = [draft() for _ in range(5)]
    reply = await dip.participants[DATA].send("IF-021", messages)
    transactions = assert_accepted(reply, 5)
    assert len(set(transactions)) == 5
    assert [e["senderUniqueReference"] for e in reply.entries] == [get_reference(m) for m in messages]
    # E2E 4.2.3.2: T-<interface>-<participant>-<role>-<date>-<hexadecimal>.
    form = re.compile(rf"T-IF-021-{DATA}-SDS-[0-9]{{8}}-[0-9a-f]+")
    assert all(form.fullmatch(transaction) and len(transaction) <= 65 for transaction in transactions)
    entry = reply.entries[0]
    assert (entry["senderID"], entry["recipientID"]) == ("0000000000", DATA)
    assert entry["correlationID"] is None
    assert entry["DIPConnectionProviderID"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["sentTimestamp"])


async def test_a_channel_that_begins_a_workflow_answers_a_correlation_id(dip: Dip):
    messages = [draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP") for _ in range(2)]
    reply = await dip.participants[SUPPLIER].send("IF-031", messages)
    assert_accepted(reply, 2)
    correlations = [entry["correlationID"] for entry in reply.entries]
    # E2E 4.2.3.3: CI-<date>-<hexadecimal>, another for each workflow.
    assert all(re.fullmatch(r"CI-[0-9]{8}-[0-9a-f]+", correlation) for correlation in correlations)
    assert len(set(correlations)) == 2


@pytest.mark.parametrize("version", ["2.1.0", "v2.1.0", "1.1", "v1.1"])
async def test_both_versions_are_served_with_a_leading_v_and_without(dip: Dip, version: str):
    caller = dip.participants[DATA]
    assert_accepted(await caller.call(get_path("IF-021", version), encode_batch([draft()])))


async def test_the_url_may_be_signed_under_any_of_the_public_names(dip: Dip):
    caller = dip.participants[DATA]
    body = encode_batch([draft()])
    signed = caller.sign(get_path("IF-021"), body, base=f"https://localhost:{dip.port}")
    assert_accepted(await caller.call(get_path("IF-021"), body, signed=signed))


async def test_a_connection_provider_sends_for_whoever_nominated_it(dip: Dip):
    message = draft(connection_provider=PROVIDER)
    reply = await dip.participants[PROVIDER].send("IF-021", [message])
    assert_accepted(reply)
    assert (reply.entry["recipientID"], reply.entry["DIPConnectionProviderID"]) == (DATA, PROVIDER)


@pytest.mark.parametrize("channel", sorted(load_release().channels))
async def test_a_valid_message_of_every_channel_is_understood(dip: Dip, channel: str):
    """Whoever may not send it is told so, message by message; no schema refuses it."""
    entry = load_release().channels[channel]
    messages = [
        draft(channel, event_code, sender=METERING, role="MSS", correlation_id="CI-20260321-0a1b")
        for event_code in entry.event_codes
    ]
    reply = await dip.participants[METERING].send(channel, messages)
    assert reply.status in (201, 207), reply.body
    expected = "MSG0000" if "MSS" in entry.senders else "MSG1010"
    assert {e["message"].partition(" ")[0] for e in reply.entries} == {expected}
