"""Nothing is taken twice: neither a call that is sent again, nor a sender unique reference (E2E 4.2.3.1, 4.4.3)."""

import asyncio

from tests.journeys.answers import assert_accepted, assert_entry, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_reference
from tests.journeys.market import DATA, SUPPLIER
from tests.journeys.participants import Participant, Reply, encode_batch, get_path

CHANNEL = get_path("IF-021")


class TestTheSameCall:
    async def test_it_is_answered_as_the_first_was_and_creates_nothing(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft(), draft()])
        signed = caller.sign(CHANNEL, body)
        first = await caller.call(CHANNEL, body, signed=signed)
        assert_accepted(first, 2)
        async with dip.creating_nothing():
            again = await caller.call(CHANNEL, body, signed=signed)
        assert (again.status, again.body) == (first.status, first.body)

    async def test_a_mixed_answer_is_given_again_too(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft(), draft(role="UMSDS")])
        signed = caller.sign(CHANNEL, body)
        first = await caller.call(CHANNEL, body, signed=signed)
        async with dip.creating_nothing():
            again = await caller.call(CHANNEL, body, signed=signed)
        assert (again.status, again.body) == (207, first.body)

    async def test_sent_many_times_at_the_same_moment_it_is_taken_once(self, dip: Dip):
        """By two API processes on one port, which know of each other through the database alone."""
        caller, body = dip.participants[DATA], encode_batch([draft() for _ in range(20)])
        signed = caller.sign(CHANNEL, body)
        kept = await dip.count("message")
        replies = await asyncio.gather(*(caller.call(CHANNEL, body, signed=signed) for _ in range(10)))
        assert_accepted(replies[0], 20)
        assert {(reply.status, reply.body) for reply in replies} == {(201, replies[0].body)}
        assert await dip.count("message") == kept + 20

    async def test_another_body_under_the_same_signature_is_refused(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft()])
        signed = caller.sign(CHANNEL, body)
        assert_accepted(await caller.call(CHANNEL, body, signed=signed))
        async with dip.creating_nothing():
            reply = await caller.call(CHANNEL, body, signed=signed, sent=encode_batch([draft()]))
        assert_refused(reply, 401, "MSG1000", "X-DIP-Content-Hash")

    async def test_a_refused_call_is_looked_at_anew(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft(environment="UIT")])
        signed = caller.sign(CHANNEL, body)
        for _ in range(2):
            assert_refused(await caller.call(CHANNEL, body, signed=signed), 400, "MSG1001", "environmentTag")


class TestReferences:
    async def test_one_that_was_used_before_is_refused(self, dip: Dip):
        message = draft()
        assert_accepted(await dip.participants[DATA].send("IF-021", [message]))
        async with dip.creating_no_message():
            reply = await dip.participants[DATA].send("IF-021", [message])
        assert_refused(reply, 207, "MSG1006", "sent again under a new one")

    async def test_of_two_equal_ones_in_a_call_the_first_stands(self, dip: Dip):
        message = draft()
        reply = await dip.participants[DATA].send("IF-021", [message, draft(), message])
        assert [entry["message"][:7] for entry in reply.entries] == ["MSG0000", "MSG0000", "MSG1006"]
        assert_entry(reply.entries[2], "MSG1006", "was used before")

    async def test_one_of_a_refused_message_is_still_free(self, dip: Dip):
        message = draft(role="UMSDS")
        reference = get_reference(message)
        await dip.participants[DATA].send("IF-021", [message, message])
        reply = await dip.participants[DATA].send("IF-021", [message])
        assert reply.entry["message"][:7] == "MSG1010"
        assert reply.entry["senderUniqueReference"] == reference

    async def test_they_are_told_apart_by_case(self, dip: Dip):
        start = get_reference(draft())
        messages = [draft(reference=f"{start}a"), draft(reference=f"{start}A")]
        assert_accepted(await dip.participants[DATA].send("IF-021", messages), 2)

    async def test_under_another_sender_it_is_another_one(self, dip: Dip):
        supplier = draft("IF-024", "SN-Vacant", sender=SUPPLIER, role="SUP")
        end = get_reference(supplier).rpartition("-")[2]
        assert_accepted(await dip.participants[SUPPLIER].send("IF-024", [supplier]))
        message = draft(reference=f"S-IF-021-{DATA}-SDS-20260321-{end}")
        assert_accepted(await dip.participants[DATA].send("IF-021", [message]))

    async def test_of_calls_that_race_for_the_same_ones_each_reference_is_won_once(self, dip: Dip):
        """Two API processes, overlapping calls in opposite orders: no deadlock is seen, no reference taken twice."""
        messages = [draft() for _ in range(40)]
        caller = dip.participants[DATA]
        async with Participant(caller.directory, dip.strict_base) as elsewhere:
            calls = [
                side.send("IF-021", part)
                for side in (caller, elsewhere)
                for part in (messages, messages[::-1], messages[10:30], messages[5:], messages[:35])
            ]
            replies = await asyncio.gather(*calls)
        won = [reference for reply in replies for reference in list_won(reply)]
        assert sorted(won) == sorted(get_reference(message) for message in messages)
        assert {reply.status for reply in replies} <= {201, 207}


def list_won(reply: Reply) -> list[str]:
    entries = reply.entries
    assert {entry["message"][:7] for entry in entries} <= {"MSG0000", "MSG1006"}
    return [entry["senderUniqueReference"] for entry in entries if entry["message"].startswith("MSG0000")]
