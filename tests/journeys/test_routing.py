"""Whom a message reaches, as what, with what added; and what its sender is told when one is not found (E2E 4.3)."""

from copy import deepcopy
from datetime import date
from typing import Any

import msgspec
import pytest

from opendip.catalogue import list_faults
from tests.journeys.answers import assert_accepted, assert_is_a, load_release
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_common
from tests.journeys.inboxes import Arrival
from tests.journeys.market import (
    BOTH,
    BOTH_MPAN,
    DATA,
    DISTRIBUTOR,
    LAPSED_MPAN,
    METERING,
    MOVED_MPAN,
    OTHER_SUPPLIER,
    QUIET,
    REGISTRATION,
    RETRIEVAL,
    SETTLEMENT,
    SHAPING,
    SUPPLIER,
    UNKNOWN_MPAN,
)

BEFORE, AFTER = date(2026, 2, 9), date(2026, 2, 10)


async def send(dip: Dip, message: dict[str, Any]) -> str:
    common = get_common(message)
    reply = await dip.participants[common["S1"]["senderDIPID"]].send(common["S0"]["interfaceID"], [message])
    [transaction] = assert_accepted(reply)
    return transaction


async def assert_only_reached(dip: Dip, transaction: str, *recipients: str) -> list[Arrival]:
    """All queues of a message are filled in one transaction: whoever has it not when all others have, gets none."""
    arrivals = [(await dip.inboxes[recipient].wait_for(transaction))[0] for recipient in recipients]
    async with dip.pool.acquire() as connection:
        rows = await connection.fetch(
            """select q.dip_id from queue_entry e join queue q on q.id = e.queue
               where e.submission = $1 and array_position(e.members, $2) is not null""",
            int(transaction.rpartition("-")[2][:-5], 16),
            int(transaction[-5:], 16),
        )
    assert sorted(row["dip_id"] for row in rows) == sorted(recipients)
    return arrivals


class TestAddressing:
    async def test_primary_recipients_are_those_whom_the_sender_names(self, dip: Dip):
        message = draft("IF-061", "MDRStart", primary_recipients=[RETRIEVAL])
        transaction = await send(dip, message)
        [arrival] = await assert_only_reached(dip, transaction, RETRIEVAL)
        assert arrival.common["A0"] == {"primaryRecipients": [RETRIEVAL], "secondaryRecipients": [], "always": []}
        assert arrival.mpo == f"{RETRIEVAL};MDR"

    async def test_secondary_recipients_are_found_by_mpan_and_central_settlement_always_gets_it(self, dip: Dip):
        transaction = await send(dip, draft())
        arrivals = await assert_only_reached(dip, transaction, SUPPLIER, DISTRIBUTOR, SETTLEMENT, SHAPING)
        assert [a.mpo for a in arrivals] == [
            *(f"{SUPPLIER};SUP", f"{DISTRIBUTOR};LDSO", f"{SETTLEMENT};MDS", f"{SHAPING};LSS")
        ]
        for arrival in arrivals:
            assert arrival.common["A0"] == {
                "primaryRecipients": [],
                "secondaryRecipients": [SUPPLIER, DISTRIBUTOR],
                "always": [SETTLEMENT, SHAPING],
            }

    async def test_a_senders_own_list_of_secondary_recipients_counts_for_nothing(self, dip: Dip):
        message = draft(primary_recipients=[RETRIEVAL])
        get_common(message)["A0"] |= {"secondaryRecipients": [OTHER_SUPPLIER], "always": [QUIET]}
        transaction = await send(dip, message)
        await assert_only_reached(dip, transaction, SUPPLIER, DISTRIBUTOR, SETTLEMENT, SHAPING)

    @pytest.mark.parametrize(("day", "responsible"), [(BEFORE, SUPPLIER), (AFTER, OTHER_SUPPLIER)])
    async def test_a_late_message_goes_to_whoever_was_responsible_on_the_day_it_is_about(
        self, dip: Dip, day: date, responsible: str
    ):
        transaction = await send(dip, draft(mpan=MOVED_MPAN, days=[day]))
        await assert_only_reached(dip, transaction, responsible, SETTLEMENT, SHAPING)

    async def test_a_message_about_days_of_both_goes_to_both(self, dip: Dip):
        transaction = await send(dip, draft(mpan=MOVED_MPAN, days=[BEFORE, AFTER], periods=4))
        await assert_only_reached(dip, transaction, SUPPLIER, OTHER_SUPPLIER, SETTLEMENT, SHAPING)

    async def test_each_dip_id_and_role_gets_a_message_once(self, dip: Dip):
        transaction = await send(dip, draft(mpan=BOTH_MPAN))
        await assert_only_reached(dip, transaction, BOTH, BOTH, SETTLEMENT, SHAPING)
        counts = await dip.inboxes[BOTH].wait_for_roles(transaction, "SUP", "LDSO")
        assert counts == {"SUP": 1, "LDSO": 1}
        assert dip.inboxes[BOTH].arrivals[transaction][0].common["A0"]["secondaryRecipients"] == [BOTH]

    async def test_the_response_code_chooses_the_route(self, dip: Dip):
        """A rejection (IF-006, response code R) goes to the metering service alone, an acceptance to many."""
        options = {"primary_recipients": [METERING], "correlation_id": "CI-20260321-0a1b"}
        rejected = draft("IF-006", "MeterInstall", sender=REGISTRATION, role="REGS", **options)
        get_common(rejected)["R0"]["responseCode"] = "R"
        await assert_only_reached(dip, await send(dip, rejected), METERING)
        accepted = deepcopy(draft("IF-006", "MeterInstall", sender=REGISTRATION, role="REGS", **options))
        get_common(accepted)["R0"]["responseCode"] = "A"
        await assert_only_reached(dip, await send(dip, accepted), METERING, SUPPLIER, DISTRIBUTOR)


class TestPublication:
    async def test_what_was_sent_arrives_with_a0_and_d0_added_and_nothing_else_changed(self, dip: Dip):
        message = draft()
        transaction = await send(dip, message)
        [arrival] = await dip.inboxes[SUPPLIER].wait_for(transaction)
        common = deepcopy(arrival.common)
        del common["A0"], common["D0"]
        assert common == message["payload"]["CommonBlock"]
        assert arrival.message["payload"]["CustomBlock"] == message["payload"]["CustomBlock"]
        assert arrival.message.keys() == {"payload"}
        raw = msgspec.json.encode(arrival.message)
        assert list_faults(load_release().channels["IF-021"], load_release(), raw) == []

    async def test_d0_tells_what_the_dip_has_made_of_it(self, dip: Dip):
        transaction = await send(dip, draft())
        [arrival] = await dip.inboxes[SUPPLIER].wait_for(transaction)
        added = arrival.common["D0"]
        assert_is_a("D0", msgspec.json.encode(added))
        assert added["transactionID"] == transaction
        assert added["publicationID"] == "PUB-021"
        assert added["initialCorrelationID"] is None
        assert added["replayIndicator"] is False

    async def test_a_created_correlation_id_is_the_one_that_was_answered(self, dip: Dip):
        message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
        reply = await dip.participants[SUPPLIER].send("IF-031", [message])
        [arrival] = await dip.inboxes[REGISTRATION].wait_for(*assert_accepted(reply))
        assert arrival.common["D0"]["initialCorrelationID"] == reply.entry["correlationID"]
        assert reply.entry["correlationID"] is not None

    async def test_what_the_sender_puts_for_d0_does_not_arrive(self, dip: Dip):
        message = draft()
        get_common(message)["D0"] = {
            "transactionID": "T-IF-021-forged",
            "transactionTimestamp": "2026-03-21T19:05:00+00:00",
            "publicationID": "PUB-021",
            "initialCorrelationID": "CI-20260321-forged",
            "replayIndicator": True,
            "serviceTicketURL": "https://forged.example.org/",
        }
        transaction = await send(dip, message)
        [arrival] = await dip.inboxes[SUPPLIER].wait_for(transaction)
        assert b"forged" not in msgspec.json.encode(arrival.message)

    async def test_the_body_is_carried_byte_for_byte(self, dip: Dip):
        """Numbers keep their digits, and properties their order."""
        message = draft()
        raw = msgspec.json.encode(message).replace(b'"periodDuration":30', b'"periodDuration":\t30.000')
        [transaction] = assert_accepted(await dip.participants[DATA].send("IF-021", [raw]))
        inbox = dip.inboxes[SUPPLIER]
        await inbox.wait_for(transaction)
        [batch] = [batch for batch in inbox.calls if transaction in batch.transaction_ids]
        assert b'"periodDuration":\t30.000' in batch.body

    async def test_the_dip_signs_what_it_delivers(self, dip: Dip):
        """The receiver takes nothing whose signature it has not verified; here it tells whose it was."""
        transaction = await send(dip, draft())
        inbox = dip.inboxes[SUPPLIER]
        await inbox.wait_for(transaction)
        assert {batch.delivery.signer.subject.dip_id for batch in inbox.calls} == {"0000000000"}
        assert {batch.delivery.signer.subject.organisation for batch in inbox.calls} == {"Data Integration Platform"}


async def assert_reported(dip: Dip, message: dict[str, Any], code: str, says: str) -> str:
    """Level 2 (E2E 4.3): accepted at first; then a status message, signed by the DIP, to the sender."""
    transaction = await send(dip, message)
    sender = get_common(message)["S1"]
    status = await dip.inboxes[sender["senderDIPID"]].wait_for_status(transaction)
    assert status.message == f"{code} - {load_release().response_codes[code]}"
    assert says in (status.help or "")
    assert (status.senderID, status.recipientID) == ("0000000000", sender["senderDIPID"])
    assert status.senderUniqueReference == sender["senderUniqueReference"]
    assert_is_a("StandardResponseBodyType", msgspec.json.encode(status))
    return transaction


class TestFaults:
    async def test_without_a_primary_recipient_where_one_is_needed_nobody_gets_it(self, dip: Dip):
        transaction = await assert_reported(
            dip, draft("IF-061", "MDRStart"), "MSG1030", "A0.primaryRecipients must name at least one recipient"
        )
        await assert_only_reached(dip, transaction)

    async def test_a_primary_recipient_that_is_no_participant(self, dip: Dip):
        message = draft("IF-061", "MDRStart", primary_recipients=["9999999999", RETRIEVAL])
        transaction = await assert_reported(dip, message, "MSG1031", "9999999999 is not a participant")
        await assert_only_reached(dip, transaction)

    async def test_a_primary_recipient_that_does_not_hold_the_role(self, dip: Dip):
        message = draft("IF-061", "MDRStart", primary_recipients=[SUPPLIER])
        transaction = await assert_reported(dip, message, "MSG1032", f"{SUPPLIER} holds none of the roles MDR")
        await assert_only_reached(dip, transaction)

    async def test_a_secondary_recipient_whose_role_has_ended_is_left_out(self, dip: Dip):
        message = draft(mpan=LAPSED_MPAN)
        transaction = await assert_reported(dip, message, "MSG1034", "a role it does not hold")
        await assert_only_reached(dip, transaction, DISTRIBUTOR, SETTLEMENT, SHAPING)

    async def test_an_mpan_that_the_address_book_does_not_have(self, dip: Dip):
        message = draft(mpan=UNKNOWN_MPAN)
        transaction = await assert_reported(dip, message, "MSG1038", "in any of the roles LDSO, SUP")
        await assert_only_reached(dip, transaction, SETTLEMENT, SHAPING)

    async def test_a_message_that_nobody_would_get_is_reported(self, dip: Dip):
        """There is no enquiry service (EES) in this market, which would always get it."""
        message = draft("IF-050", "MPANCreation", sender=REGISTRATION, role="REGS")
        transaction = await assert_reported(dip, message, "MSG1030", "no copy was sent")
        await assert_only_reached(dip, transaction)

    async def test_a_day_that_cannot_be_read_is_reported(self, dip: Dip):
        message = draft()
        [period] = message["payload"]["CustomBlock"]["B900"]["settlementDayConsumptionPeriods"]
        period["settlementDay"]["settlementDayDate"] = "2026-02-30T00:00:00+00:00"
        transaction = await assert_reported(dip, message, "MSG1030", "cannot be read as a date")
        await assert_only_reached(dip, transaction)

    async def test_the_status_message_carries_the_correlation_id_that_was_made(self, dip: Dip):
        message = draft("IF-061", "MDRStart", primary_recipients=[SUPPLIER])
        reply = await dip.participants[DATA].send("IF-061", [message])
        [transaction] = assert_accepted(reply)
        status = await dip.inboxes[DATA].wait_for_status(transaction)
        assert status.correlationID == reply.entry["correlationID"] is not None

    async def test_in_a_mixed_call_every_message_goes_its_own_way(self, dip: Dip):
        messages = [draft(), draft(role="UMSDS"), draft(mpan=UNKNOWN_MPAN), draft(mpan=MOVED_MPAN, days=[AFTER])]
        reply = await dip.participants[DATA].send("IF-021", messages)
        assert reply.status == 207
        known, refused, unknown, moved = reply.transactions
        assert refused is None
        await assert_only_reached(dip, known, SUPPLIER, DISTRIBUTOR, SETTLEMENT, SHAPING)
        await assert_only_reached(dip, unknown, SETTLEMENT, SHAPING)
        await assert_only_reached(dip, moved, OTHER_SUPPLIER, SETTLEMENT, SHAPING)
        assert (await dip.inboxes[DATA].wait_for_status(unknown)).code == "MSG1038"
