"""Status messages of recipients: what one finds wrong after it took a message, its sender is told (E2E 4.7, 5.1.6)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from opendip.store.chunks import rebuild_body
from tests.journeys.answers import Reply, assert_accepted, assert_is_a, assert_refused, load_release
from tests.journeys.conftest import STRICT, Dip
from tests.journeys.drafts import draft, get_reference
from tests.journeys.inboxes import Inbox
from tests.journeys.market import (
    DATA,
    METERING,
    OTHER_PROVIDER,
    OTHER_SUPPLIER,
    PROVIDER,
    QUIET,
    QUIET_MPAN,
    REGISTRATION,
    SUPPLIER,
)
from tests.journeys.participants import Participant
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import count_waiting, send

PATH = "/2.1.0/statusmessage"
Entry = dict[str, Any]


def a_status(transaction: str | None, **changes: Any) -> Entry:
    """SUPPLIER's word on a message of DATA's; a test names what it is about."""
    return {
        "transactionID": transaction,
        "senderUniqueReference": None,
        "correlationID": None,
        "sentTimestamp": "2026-03-21T19:05:00+00:00",
        "senderID": SUPPLIER,
        "recipientID": DATA,
        "DIPConnectionProviderID": None,
        "message": "RCP1061 - MPAN Invalid or Unknown",
        "help": None,
        "serviceTicketURL": None,
        **changes,
    }


async def report(dip: Dip, *entries: Entry | bytes, caller: str = SUPPLIER, **parts: Any) -> Reply:
    body = b"[" + b",".join(e if isinstance(e, bytes) else msgspec.json.encode(e) for e in entries) + b"]"
    return await dip.participants[caller].call(PATH, body, **parts)


async def send_and_receive(dip: Dip, count: int = 1) -> list[str]:
    """Messages of DATA's that have arrived at SUPPLIER's."""
    transactions = await send(dip, count)
    await dip.inboxes[SUPPLIER].wait_for(*transactions)
    return transactions


def codes(reply: Reply) -> list[str]:
    return [entry["message"].partition(" ")[0] for entry in reply.entries]


class TestRelaying:
    async def test_the_sender_is_told_in_the_recipients_words(self, dip: Dip):
        message = draft()
        [transaction] = assert_accepted(await dip.participants[DATA].send("IF-021", [message]))
        await dip.inboxes[SUPPLIER].wait_for(transaction)
        entry = a_status(
            transaction,
            senderUniqueReference=get_reference(message),
            correlationID="CI-20260321-0a1b",
            help="It is not ours.",
            serviceTicketURL="https://tickets.example.org/1?a=b",
        )
        reply = await report(dip, entry)
        assert reply.status == 201
        assert reply.entry["message"] == "MSG0000 - Success"
        assert (reply.entry["transactionID"], reply.entry["recipientID"]) == (transaction, SUPPLIER)
        status = await dip.inboxes[DATA].wait_for_status(transaction)
        assert msgspec.to_builtins(status) == entry
        assert_is_a("StandardResponseBodyType", msgspec.json.encode(status))

    async def test_they_arrive_in_batches_and_in_order(self, dip: Dip):
        transaction = await send_amendment(dip)
        texts = [f"RCP1061 - number {n}" for n in range(1200)]
        words = [a_status(transaction, senderID=DATA, recipientID=QUIET, message=t) for t in texts]
        assert (await report(dip, *words, caller=DATA)).status == 201
        inbox = Inbox(dip.credentials / QUIET)
        async with inbox.receiver:
            await dip.participants[QUIET].call(f"{PATH}/config/{QUIET}", config(inbox, maxMessageCount=700))
            await eventually(lambda: len(inbox.statuses) >= 1200, "all have arrived")
            assert (await dip.participants[QUIET].call(f"{PATH}/config/{QUIET}", method="DELETE")).status == 204
        assert [s.message for s in inbox.statuses] == texts
        assert inbox.status_batches == [700, 500]

    async def test_some_are_taken_and_some_are_not(self, dip: Dip):
        first, second = await send_and_receive(dip, 2)
        reply = await report(dip, a_status(first), a_status(second, recipientID=QUIET), a_status(second))
        assert (reply.status, codes(reply)) == (207, ["MSG0000", "MSG1000", "MSG0000"])
        await dip.inboxes[DATA].wait_for_status(second)
        told = [s for s in dip.inboxes[DATA].statuses if s.transactionID in (first, second)]
        assert [s.transactionID for s in told] == [first, second]

    async def test_a_nominated_provider_speaks_for_the_recipient(self, dip: Dip):
        transaction = await send_departure(dip)
        for provider in (OTHER_PROVIDER, None):
            entry = a_status(transaction, senderID=METERING, recipientID=REGISTRATION, DIPConnectionProviderID=provider)
            assert (await report(dip, entry, caller=OTHER_PROVIDER)).status == 201
        status = await dip.inboxes[REGISTRATION].wait_for_status(transaction)
        assert (status.senderID, status.DIPConnectionProviderID) == (METERING, OTHER_PROVIDER)

    async def test_the_id_of_a_replay_stands_for_the_first_and_is_kept(self, dip: Dip):
        [transaction] = await send_and_receive(dip)
        replayed = f"R-0000002a-{transaction}"
        assert (await report(dip, a_status(replayed))).status == 201
        assert (await dip.inboxes[DATA].wait_for_status(replayed)).recipientID == DATA

    @pytest.mark.parametrize(
        "link",
        ["http://tickets.example.org", "javascript:alert(1)", "https://", "https://user@example.org", 'https://a/"><b'],
    )
    async def test_a_link_that_nobody_should_follow_is_left_out(self, dip: Dip, link: str):
        [transaction] = await send_and_receive(dip)
        assert (await report(dip, a_status(transaction, serviceTicketURL=link))).status == 201
        assert (await dip.inboxes[DATA].wait_for_status(transaction)).serviceTicketURL is None

    async def test_the_very_bytes_that_were_signed_can_be_rebuilt(self, dip: Dip):
        transactions = await send_and_receive(dip, 3)
        body = b" [ " + b" ,\n".join(msgspec.json.encode(a_status(t)) for t in transactions) + b"]\n"
        assert (await dip.participants[SUPPLIER].call(PATH, body)).status == 201
        async with dip.pool.acquire() as connection:
            number = await connection.fetchval("select max(id) from submission where channel = 'STATUS'")
            rows = await connection.fetch("select content from chunk where submission = $1 order by number", number)
            assert await connection.fetchval("select count(*) from intake where submission = $1", number) == 0
        assert rebuild_body(row[0] for row in rows) == body


def config(inbox: Inbox, **limits: int) -> bytes:
    return msgspec.json.encode({"callbackURL": f"{inbox.url}/status", **limits})


async def send_amendment(dip: Dip) -> str:
    """A message of QUIET's, which has no status webhook, that DATA receives."""
    message = draft(
        "IF-027", "ConsumptionAmendment", sender=QUIET, role="SUP", mpan=QUIET_MPAN, primary_recipients=[DATA]
    )
    [transaction] = assert_accepted(await dip.participants[QUIET].send("IF-027", [message]))
    await dip.inboxes[DATA].wait_for(transaction)
    return transaction


async def send_departure(dip: Dip) -> str:
    """A message of REGISTRATION's that METERING receives."""
    message = draft(
        "IF-037", "MSDeApp", sender=REGISTRATION, role="REGS", mpan=QUIET_MPAN, primary_recipients=[METERING]
    )
    [transaction] = assert_accepted(await dip.participants[REGISTRATION].send("IF-037", [message]))
    await dip.inboxes[METERING].wait_for(transaction)
    return transaction


class TestTheSameCall:
    async def test_it_is_answered_as_the_first_was_and_tells_nothing_twice(self, dip: Dip):
        [transaction] = await send_and_receive(dip)
        caller = dip.participants[SUPPLIER]
        body = msgspec.json.encode([a_status(transaction), a_status(transaction, senderID="nobodyhere")])
        signed = caller.sign(PATH, body)
        told = await dip.count("status_message")
        replies = [await caller.call(PATH, body, signed=signed) for _ in range(2)]
        replies += await asyncio.gather(*(caller.call(PATH, body, signed=signed) for _ in range(5)))
        assert {(reply.status, reply.body) for reply in replies} == {(207, replies[0].body)}
        assert await dip.count("status_message") == told + 1

    async def test_sent_many_times_at_the_same_moment_it_is_taken_once(self, dip: Dip):
        transactions = await send_and_receive(dip, 20)
        caller, body = dip.participants[SUPPLIER], msgspec.json.encode([a_status(t) for t in transactions])
        signed = caller.sign(PATH, body)
        told = await dip.count("status_message")
        replies = await asyncio.gather(*(caller.call(PATH, body, signed=signed) for _ in range(10)))
        assert {(reply.status, reply.body) for reply in replies} == {(201, replies[0].body)}
        assert await dip.count("status_message") == told + 20


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("a time that is none", {"sentTimestamp": "2026-13-21T19:05:00+00:00"}, "MSG1007", "RFC 3339"),
    ("a time of other words", {"sentTimestamp": "x" * 25}, "MSG1007", "RFC 3339"),
    ("a sender nobody knows", {"senderID": "9999999999"}, "MSG1009", "not a participant"),
    ("a sender who has not nominated the caller", {"senderID": OTHER_SUPPLIER}, "MSG1011", "nominated"),
    ("a provider who is not the caller", {"DIPConnectionProviderID": PROVIDER}, "MSG1011", "this API key"),
    ("no transaction id", {"transactionID": None}, "MSG1000", "block D0"),
    ("no transaction id of any kind", {"transactionID": "something"}, "MSG1000", "block D0"),
    ("no recipient", {"recipientID": None}, "MSG1000", "sender of that message"),
    ("a recipient who is not the sender", {"recipientID": REGISTRATION}, "MSG1000", "sender of that message"),
    ("no text", {"message": None}, "MSG1000", "null"),
]


class TestRefusals:
    @pytest.mark.parametrize(("changes", "code", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
    async def test_an_entry_with_a_fault_is_refused_alone(self, dip: Dip, changes: Entry, code: str, says: str):
        [transaction] = await send_and_receive(dip)
        async with dip.telling_nobody():
            reply = await report(dip, {**a_status(transaction), **changes})
        assert reply.status == 207
        assert reply.entry["message"] == f"{code} - {load_release().response_codes[code]}"
        assert says in reply.entry["help"]

    async def test_others_messages_are_answered_as_ones_that_do_not_exist(self, dip: Dip):
        """A stranger learns neither whether there is such a message nor who sent it."""
        [transaction] = await send_and_receive(dip)
        missing = transaction[:-5] + "00063"
        for recipient in (DATA, REGISTRATION, None):
            entries = [a_status(t, senderID=OTHER_SUPPLIER, recipientID=recipient) for t in (transaction, missing)]
            async with dip.telling_nobody():
                reply = await report(dip, *entries, caller=OTHER_SUPPLIER)
            first, second = reply.entries
            assert {**first, "transactionID": None} == {**second, "transactionID": None}
            assert first["help"] == second["help"] != None  # noqa: E711
            assert DATA not in (first["help"], first["recipientID"])

    async def test_a_sender_does_not_report_on_its_own_messages(self, dip: Dip):
        [transaction] = await send_and_receive(dip)
        async with dip.telling_nobody():
            reply = await report(dip, a_status(transaction, senderID=DATA), caller=DATA)
        assert codes(reply) == ["MSG1000"]

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t.replace("IF-021", "IF-022"),
            lambda t: t.replace(DATA, OTHER_SUPPLIER),
            lambda t: t.replace("-SDS-", "-ADS-"),
            lambda t: t.replace("-SDS-20", "-SDS-19"),
            lambda t: t.replace("-SDS-20", "-SDS-99"),
            lambda t: t[:-17] + "0" + t[-17:],
            lambda t: t[:-5] + "fffff",
            lambda t: t[:-17] + "f" * 28,
            lambda t: t[:-17] + "7fffffffffffffff" + "00000",
            lambda t: f"R-0000002a-R-0000002a-{t}"[:65],
            lambda t: f"R-0000002A-{t}",
            lambda t: t.replace("IF-021", "STATUS"),
            lambda t: t + "\n",
            lambda t: t.replace("2", "٢"),
        ],
    )
    async def test_an_id_that_differs_in_anything_is_another(self, dip: Dip, change: Callable[[str], str]):
        [transaction] = await send_and_receive(dip)
        other = change(transaction)
        assert other != transaction
        async with dip.telling_nobody():
            reply = await report(dip, a_status(other))
        assert (reply.status, codes(reply)) == (207, ["MSG1000"])

    async def test_nothing_is_said_about_status_messages(self, dip: Dip):
        """Not about an entry that was relayed, nor about the call that brought it."""
        [transaction] = await send_and_receive(dip)
        await report(dip, a_status(transaction))
        async with dip.pool.acquire() as connection:
            number = await connection.fetchval("select max(id) from submission where channel = 'STATUS'")
        for channel in ("IF-021", "IF-024"):
            about = f"T-{channel}-{SUPPLIER}-SUP-{transaction[-26:-18]}-{number:012x}00000"
            async with dip.telling_nobody():
                reply = await report(dip, a_status(about, senderID=DATA, recipientID=SUPPLIER), caller=DATA)
            assert codes(reply) == ["MSG1000"]


SCHEMA_FAULTS: list[tuple[Entry, str]] = [
    ({"extra": 1}, "no such property"),
    ({"reasonCode": "RCP1061"}, "no such property"),
    ({"sentTimestamp": None}, "sentTimestamp"),
    ({"sentTimestamp": "2026-03-21T19:05:00Z"}, "sentTimestamp"),
    ({"senderID": None}, "senderID"),
    ({"senderID": "12345678901"}, "senderID"),
    ({"senderID": 2300000012}, "senderID"),
    ({"recipientID": "1"}, "recipientID"),
    ({"DIPConnectionProviderID": ""}, "DIPConnectionProviderID"),
    ({"transactionID": "T" * 66}, "transactionID"),
    ({"transactionID": ["T"]}, "transactionID"),
    ({"senderUniqueReference": "mine"}, "senderUniqueReference"),
    ({"correlationID": "C" * 61}, "correlationID"),
    ({"message": "m" * 201}, "message"),
    ({"message": ""}, "message"),
    ({"help": "h" * 501}, "help"),
    ({"help": {"a": "b"}}, "help"),
    ({"serviceTicketURL": "https://" + "t" * 250}, "serviceTicketURL"),
]


class TestForm:
    @pytest.mark.parametrize(("changes", "says"), SCHEMA_FAULTS)
    async def test_what_breaks_the_schema_refuses_the_call(self, dip: Dip, changes: Entry, says: str):
        async with dip.creating_nothing(), dip.telling_nobody():
            reply = await report(dip, a_status("T"), {**a_status("T"), **changes})
        assert_refused(reply, 400, "MSG1001", "Entry 2 of 2: ")
        assert says in reply.entry["help"]

    @pytest.mark.parametrize("name", a_status("T").keys())
    async def test_every_property_must_be_there(self, dip: Dip, name: str):
        entry = a_status("T")
        del entry[name]
        async with dip.creating_nothing():
            reply = await report(dip, entry)
        assert_refused(reply, 400, "MSG1001", f"{name}: ")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b"null",
            msgspec.json.encode(a_status("T")),
            b"[1]",
            b"[null]",
            b"[[]]",
            b'["a"]',
            b"[" * 200_000,
            b'[{"help":' + b"[" * 200_000,
            b'[{"help":' * 100_000,
            b"[{},",
            b"\xff",
            b"[NaN]",
        ],
    )
    async def test_what_is_no_array_of_entries_is_refused(self, dip: Dip, body: bytes):
        async with dip.creating_nothing():
            reply = await dip.participants[SUPPLIER].call(PATH, body)
        assert_refused(reply, 400, "MSG1001", "")

    @pytest.mark.parametrize("value", [b"[" + b"0," * 20_000_000 + b"0]", b'"' + b"x" * 40_000_000 + b'"'])
    async def test_a_huge_entry_is_not_looked_at_closely(self, dip: Dip, value: bytes):
        async with dip.creating_nothing():
            reply = await report(dip, msgspec.json.encode(a_status("T", help="here")).replace(b'"here"', value))
        assert_refused(reply, 400, "MSG1001", "larger than 100000 bytes")

    @pytest.mark.parametrize("text", [r"\ud800", r"\udc00\ud800", "\xff", "\x00"])
    async def test_a_text_that_is_none_is_refused(self, dip: Dip, text: str):
        entry = msgspec.json.encode(a_status("T", help="here")).replace(b"here", text.encode("latin-1"))
        async with dip.creating_nothing():
            assert_refused(await report(dip, entry), 400, "MSG1001", "")

    @pytest.mark.parametrize(
        "text", [r"\u0000", "\u202e", r"\ud83d\ude00", "'; drop table queue;--", r"\\\"", "</script>"]
    )
    async def test_strange_texts_arrive_as_they_are(self, dip: Dip, text: str):
        [transaction] = await send_and_receive(dip)
        entry = msgspec.json.encode(a_status(transaction, help="here")).replace(b"here", text.encode())
        assert (await report(dip, entry)).status == 201
        assert (await dip.inboxes[DATA].wait_for_status(transaction)).help == json.loads(f'"{text}"')

    async def test_a_property_given_twice_is_read_by_the_sender_as_it_was_checked(self, dip: Dip):
        [transaction] = await send_and_receive(dip)
        entry = msgspec.json.encode(a_status(transaction))
        forged = entry.replace(b'"senderID":', f'"senderID":"{REGISTRATION}","senderID":'.encode())
        reply = await report(dip, forged)
        assert reply.status in (201, 400)
        if reply.status == 201:
            status = await dip.inboxes[DATA].wait_for_status(transaction)
            assert status.senderID == SUPPLIER
            async with dip.pool.acquire() as connection:
                query = "select entry from status_message order by queued_at desc limit 50"
                kept = [row[0] for row in await connection.fetch(query) if transaction.encode() in row[0]]
            assert [entry.count(b'"senderID"') for entry in kept] == [1]

    async def test_more_than_50000_are_refused(self, dip: Dip):
        async with dip.creating_nothing():
            reply = await report(dip, *[b"{}"] * 50_001)
        assert_refused(reply, 413, "MSG1000", "at most 50000")

    async def test_the_operators_limit_holds_too(self, dip: Dip):
        async with Participant(dip.credentials / SUPPLIER, dip.strict_base) as caller, dip.creating_nothing():
            entries = [a_status("T")] * (int(str(STRICT["max_messages"])) + 1)
            assert_refused(await caller.call(PATH, msgspec.json.encode(entries)), 413, "MSG1000", "at most 50")

    async def test_fifty_thousand_about_nothing_are_each_refused(self, dip: Dip):
        """All well formed, each about another submission: the look-ups are made in steps, and others are served."""
        today = (await send(dip, 1))[0][-26:-18]
        entries = [a_status(f"T-IF-021-{DATA}-SDS-{today}-{n:012x}00000") for n in range(50_000)]
        async with dip.telling_nobody():
            reporting = asyncio.create_task(report(dip, *entries))
            while not reporting.done():
                assert_accepted(await dip.participants[DATA].send("IF-021", [draft()]))
            reply = await reporting
        assert reply.status == 207
        assert set(codes(reply)) == {"MSG1000"}

    async def test_another_method_is_refused(self, dip: Dip):
        for method in ("GET", "DELETE"):
            assert_refused(await dip.participants[SUPPLIER].call(PATH, method=method), 405, "MSG1000", "")

    async def test_an_unproved_caller_is_refused(self, dip: Dip):
        async with dip.creating_nothing():
            assert_refused(await report(dip, a_status("T"), without=["X-API-Key"]), 401, "MSG1009", "")
            assert_refused(await report(dip, a_status("T"), sent=b"[]"), 401, "MSG1000", "")

    async def test_nobody_waits_behind_status_messages_that_cannot_be_delivered(self, dip: Dip):
        """QUIET has no status webhook: what it is told waits on its own queue."""
        entry = a_status(await send_amendment(dip), senderID=DATA, recipientID=QUIET)
        assert (await report(dip, entry, caller=DATA)).status == 201
        await eventually(lambda: count_waiting(dip, QUIET, 1, "STATUS"), "it waits")
