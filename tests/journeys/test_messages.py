"""What is checked of every message (E2E 4.4.2, 4.4.3): its schema refuses the whole call, the rest it alone."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.answers import assert_accepted, assert_entry, assert_message_refused, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_common, get_reference, get_sender
from tests.journeys.market import (
    DATA,
    LAPSED,
    METERING,
    MPANS,
    OTHER_PROVIDER,
    PROVIDER,
    RETRIEVAL,
    SUPPLIER,
)

Change = Callable[[dict[str, Any]], None]


def changed(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The message with one property, named by its dotted path below the payload, replaced."""
    node = message["payload"]
    *parents, last = path.split(".")
    for name in parents:
        node = node[name]
    node[last] = value
    return message


async def refuse_schema(dip: Dip, message: dict[str, Any], says: str, code: str = "MSG1001") -> None:
    """The message stands second of three: all three are refused, and the help says which was at fault and how."""
    async with dip.creating_nothing():
        reply = await dip.participants[DATA].send("IF-021", [draft(), message, draft()])
    assert_refused(reply, 400, code, "Message 2")
    assert says in reply.entry["help"]
    assert MPANS[0].encode() not in reply.body


class TestSchema:
    """E2E 4.4.3: one schema failure rejects all messages of the call with a 400 and MSG1001."""

    @pytest.mark.parametrize("block", ["S0", "S1", "M0"])
    async def test_a_mandatory_block_must_be_there(self, dip: Dip, block: str):
        message = draft()
        del get_common(message)[block]
        await refuse_schema(dip, message, f"payload.CommonBlock.{block}: ")

    async def test_the_custom_block_must_be_there(self, dip: Dip):
        message = draft()
        del message["payload"]["CustomBlock"]
        await refuse_schema(dip, message, "payload.CustomBlock: an object; it is required and missing")

    @pytest.mark.parametrize(
        ("path", "value", "says"),
        [
            ("CommonBlock.S1.senderDIPID", "140000001", "payload.CommonBlock.S1.senderDIPID: "),
            ("CommonBlock.S1.senderDIPID", None, "payload.CommonBlock.S1.senderDIPID: "),
            ("CommonBlock.S1.senderDIPID", 1400000011, "found a number"),
            ("CommonBlock.S1.senderRoleID", "SD", "payload.CommonBlock.S1.senderRoleID: "),
            ("CommonBlock.S1.environmentTag", "sit", "one of PRD, SITB, SIT, UIT, DEV"),
            ("CommonBlock.S1.senderUniqueReference", "mine", "payload.CommonBlock.S1.senderUniqueReference: "),
            ("CommonBlock.S1.senderTimestamp", "2026-03-21T19:05:00Z", "text of 25 characters"),
            ("CommonBlock.S1.senderdipid", "1400000011", "senderdipid: no such property"),
            ("CommonBlock.M0.MPANCore", "200000000000", "text of 12 characters"),
            ("CommonBlock.M0.MPANCore", "200000000000x", "payload.CommonBlock.M0.MPANCore: "),
            ("CommonBlock.M0.GSPGroupID", "_Z", "payload.CommonBlock.M0.GSPGroupID: "),
            ("CommonBlock.D0", {}, "payload.CommonBlock.D0.transactionID: "),
            ("CommonBlock.D1", {}, "payload.CommonBlock.D1: no such property"),
            ("CustomBlock.B900", None, "payload.CustomBlock.B900: an object; found null"),
            ("CustomBlock.B901", {}, "payload.CustomBlock.B901: no such property"),
            ("CommonBlock.S0.eventCode", "[Nonsense]", "payload.CommonBlock.S0.eventCode: one of"),
            ("CommonBlock.S0.eventCode", "ActivePower", "payload.CommonBlock.S0.eventCode: one of"),
            ("CommonBlock.S0.eventCode", "[MSApp]", "payload.CommonBlock.S0.eventCode: one of"),
            ("CommonBlock.S0.schemaVersion", "010", "payload.CommonBlock.S0.schemaVersion: one of 011"),
        ],
    )
    async def test_every_field_is_checked_and_named(self, dip: Dip, path: str, value: Any, says: str):
        await refuse_schema(dip, changed(draft(), path, value), says)

    async def test_all_faults_of_the_message_are_told_at_once(self, dip: Dip):
        message = changed(draft(), "CommonBlock.S0.schemaVersion", "010")
        message = changed(message, "CommonBlock.M0.GSPGroupID", "_Z")
        await refuse_schema(dip, message, "schemaVersion")
        await refuse_schema(dip, message, "GSPGroupID")

    async def test_a_help_is_never_longer_than_its_500_characters(self, dip: Dip):
        message = changed(draft(), "CommonBlock.S1", {f"property{n}": n for n in range(100)})
        await refuse_schema(dip, message, "no such property")

    async def test_a_message_of_another_environment_refuses_the_call(self, dip: Dip):
        await refuse_schema(dip, draft(environment="UIT"), "environmentTag must be SIT")

    async def test_a_message_of_another_channel_refuses_the_call(self, dip: Dip):
        other = draft("IF-024", "SN-Vacant", role="SUP")
        await refuse_schema(dip, other, "interfaceID must be IF-021", code="MSG1002")

    async def test_the_answer_names_the_message_by_its_senders_reference(self, dip: Dip):
        message = draft(environment="UIT")
        reply = await dip.participants[DATA].send("IF-021", [draft(), message])
        assert reply.entry["senderUniqueReference"] == get_reference(message)
        message = changed(draft(), "CommonBlock.S0.schemaVersion", "010")
        reply = await dip.participants[DATA].send("IF-021", [draft(), message])
        assert reply.entry["senderUniqueReference"] == get_reference(message)

    @pytest.mark.parametrize("reference", [f"S-{MPANS[0]}", "x" * 1000, 5, None, {"a": 1}])
    async def test_a_reference_out_of_form_is_not_repeated(self, dip: Dip, reference: Any):
        message = changed(draft(), "CommonBlock.S1.senderUniqueReference", reference)
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [message])
        assert_refused(reply, 400, "MSG1001", "payload.CommonBlock.S1.senderUniqueReference")
        assert reply.entry["senderUniqueReference"] is None


async def refuse_message(
    dip: Dip, message: dict[str, Any], code: str, says: str, *, channel: str = "IF-021", caller: str = DATA
) -> None:
    async with dip.creating_no_message():
        reply = await dip.participants[caller].send(channel, [message])
    assert_message_refused(reply, code, says)
    assert reply.entry["senderUniqueReference"] == get_reference(message)
    assert reply.entry["recipientID"] == get_sender(message)["senderDIPID"]


class TestSender:
    async def test_it_must_be_a_participant(self, dip: Dip):
        await refuse_message(dip, draft(sender="9999999999"), "MSG1009", "not a participant")

    async def test_it_must_be_the_one_who_calls(self, dip: Dip):
        message = draft(sender=SUPPLIER, role="SUP", channel="IF-024", event_code="SN-Vacant")
        await refuse_message(dip, message, "MSG1009", "no DIPConnectionProviderID is named", channel="IF-024")

    async def test_it_must_hold_the_role(self, dip: Dip):
        message = draft(sender=DATA, role="UMSDS")
        await refuse_message(dip, message, "MSG1010", "senderRoleID must be a role of the sender that sends IF-021")

    async def test_the_case_of_a_role_counts(self, dip: Dip):
        """E2E 4.4.3: data items are case-sensitive, and the DIP converts none."""
        message = draft()
        get_sender(message)["senderRoleID"] = "sds"
        await refuse_message(dip, message, "MSG1010", "senderRoleID must be a role of the sender")

    async def test_the_role_must_be_one_that_sends_on_the_channel(self, dip: Dip):
        message = draft("IF-031", "MSApp", sender=DATA, role="SDS")
        await refuse_message(dip, message, "MSG1010", "that sends IF-031: SUP", channel="IF-031")

    async def test_a_role_that_has_ended_is_held_no_more(self, dip: Dip):
        message = draft("IF-024", "SN-Vacant", sender=LAPSED, role="SUP")
        await refuse_message(dip, message, "MSG1010", "senderRoleID", channel="IF-024", caller=LAPSED)

    async def test_what_the_dip_itself_sends_no_participant_sends(self, dip: Dip):
        message = draft("IF-016", "ActivePower", sender=DATA, role="SDS")
        await refuse_message(dip, message, "MSG1010", "that sends IF-016: DIP", channel="IF-016")


class TestConnectionProvider:
    async def test_it_must_be_nominated(self, dip: Dip):
        message = draft(connection_provider=OTHER_PROVIDER)
        await refuse_message(dip, message, "MSG1011", "not nominated", caller=OTHER_PROVIDER)

    async def test_a_nomination_for_one_role_is_for_no_other(self, dip: Dip):
        message = draft(role="ADS", connection_provider=PROVIDER)
        await refuse_message(dip, message, "MSG1011", "not nominated", caller=PROVIDER)

    async def test_it_must_be_the_one_who_calls(self, dip: Dip):
        message = draft(connection_provider=PROVIDER)
        await refuse_message(dip, message, "MSG1011", "must be the DIP id of this API key")

    async def test_a_participant_is_no_provider_for_another(self, dip: Dip):
        message = draft(connection_provider=SUPPLIER)
        await refuse_message(dip, message, "MSG1011", "not nominated", caller=SUPPLIER)

    async def test_it_is_named_in_the_refusal(self, dip: Dip):
        message = draft(role="ADS", connection_provider=PROVIDER)
        reply = await dip.participants[PROVIDER].send("IF-021", [message])
        assert reply.entry["DIPConnectionProviderID"] == PROVIDER


class TestReference:
    @pytest.mark.parametrize(
        "start",
        [
            "S-IF-024-1400000011-SDS-",
            "S-IF-021-2300000012-SDS-",
            "S-IF-021-1400000011-ADS-",
            "S-021-1400000011-SDS-",
        ],
    )
    async def test_it_names_the_interface_the_participant_and_the_role(self, dip: Dip, start: str):
        message = draft(reference=f"{start}20260321-{get_reference(draft()).rpartition('-')[2]}")
        await refuse_message(
            dip, message, "MSG1000", "senderUniqueReference must be S-IF-021-1400000011-SDS-<8 digits>"
        )

    async def test_its_digits_need_not_be_a_date(self, dip: Dip):
        message = draft(reference=f"S-IF-021-{DATA}-SDS-20222313-{get_reference(draft()).rpartition('-')[2]}")
        assert_accepted(await dip.participants[DATA].send("IF-021", [message]))

    async def test_it_may_have_200_characters_and_no_more(self, dip: Dip):
        longest = get_reference(draft()).ljust(200, "z")
        assert_accepted(await dip.participants[DATA].send("IF-021", [draft(reference=longest)]))
        await refuse_schema(dip, draft(reference=longest + "z"), "text of 1 to 200 characters")


class TestCorrelation:
    async def test_it_must_be_copied_where_the_channel_continues_a_workflow(self, dip: Dip):
        message = draft("IF-062", "MDRStartResponse", sender=RETRIEVAL, role="MDR", correlation_id=None)
        await refuse_message(
            dip, message, "MSG1012", "senderCorrelationID must copy", channel="IF-062", caller=RETRIEVAL
        )

    @pytest.mark.parametrize(
        "correlation", ["mine", "CI-2026-03-21-1", "ci-20260321-1", "CI-20260321-", "CI-20260321-é"]
    )
    async def test_it_must_be_in_form_wherever_it_stands(self, dip: Dip, correlation: str):
        message = draft(correlation_id=correlation)
        await refuse_message(dip, message, "MSG1012", "CI-<8 digits>-<letters and digits>")

    async def test_a_copied_one_is_accepted_and_no_other_is_made(self, dip: Dip):
        message = draft("IF-062", "MDRStartResponse", sender=RETRIEVAL, role="MDR", correlation_id="CI-20260321-0a1b2c")
        reply = await dip.participants[RETRIEVAL].send("IF-062", [message])
        assert_accepted(reply)
        assert reply.entry["correlationID"] is None


class TestTimestamp:
    @pytest.mark.parametrize(
        "timestamp",
        [
            "2026-02-30T19:05:00+00:00",
            "2026-03-21 19:05:00+00:00",
            "2026-03-21T25:05:00+00:00",
            "2026-03-21T19:05:00.00000Z",
            "twenty-five characters ...",
        ],
    )
    async def test_it_must_be_an_rfc_3339_time_with_an_offset(self, dip: Dip, timestamp: str):
        message = draft()
        get_sender(message)["senderTimestamp"] = timestamp[:25].ljust(25)
        await refuse_message(dip, message, "MSG1007", "RFC 3339 time with an offset")


async def test_a_mixed_call_is_answered_message_by_message_in_order(dip: Dip):
    """E2E 4.4.4.1: some are created (MSG0000), others are not, and each entry says why."""
    good, late = draft(), draft()
    get_sender(late)["senderTimestamp"] = "2026-02-30T19:05:00+00:00"
    messages = [good, late, draft(role="UMSDS"), draft(sender="9999999999"), draft(), good]
    submissions, kept = await dip.count("submission"), await dip.count("message")
    reply = await dip.participants[DATA].send("IF-021", messages)
    assert reply.status == 207
    codes = [entry["message"].partition(" ")[0] for entry in reply.entries]
    assert codes == ["MSG0000", "MSG1007", "MSG1010", "MSG1009", "MSG0000", "MSG1006"]
    assert [entry["senderUniqueReference"] for entry in reply.entries] == [get_reference(m) for m in messages]
    assert [entry["transactionID"] is not None for entry in reply.entries] == [c == "MSG0000" for c in codes]
    assert_entry(reply.entries[5], "MSG1006", "was used before")
    assert await dip.count("submission") == submissions + 1
    assert await dip.count("message") == kept + 2


async def test_only_the_first_fault_of_a_message_is_told(dip: Dip):
    """E2E 4.4.3: the checks stand in an order, and the first fault ends them."""
    message = draft(sender=METERING, role="SUP", reference=get_reference(draft()), correlation_id="mine")
    await refuse_message(dip, message, "MSG1009", "no DIPConnectionProviderID is named")
