"""Deliveries: batches within what a recipient takes, and what becomes of messages it refuses (E2E 4.6)."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web

from opendip.client import Credentials, ReceivedBatch
from tests.journeys.answers import assert_accepted, assert_is_a
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_reference
from tests.journeys.inboxes import Arrival, Inbox
from tests.journeys.market import DATA, METERING, MOVED_MPAN, OTHER_SUPPLIER, QUIET, QUIET_MPAN, REGISTRATION, SUPPLIER
from tests.journeys.participants import get_path
from tests.journeys.processes import find_free_port
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import count_waiting, odd_server, send, set_webhook


class TestBatches:
    @pytest.fixture
    async def quiet(self, dip: Dip) -> AsyncIterator[Inbox]:
        """An inbox on whose queue nothing else is; its webhook goes with it."""
        inbox = Inbox(dip.credentials / QUIET)
        async with inbox.receiver:
            yield inbox
            path = f"{get_path('IF-021')}/pubconfig/{QUIET}"
            assert (await dip.participants[QUIET].call(path, method="DELETE")).status == 204

    async def deliver(self, dip: Dip, quiet: Inbox, count: int, **limits: int) -> list[Arrival]:
        """The messages wait for the webhook, and so are all there when it is set."""
        transactions = await send(dip, count, mpan=QUIET_MPAN)
        await eventually(lambda: count_waiting(dip, QUIET, count), "all messages wait")
        await set_webhook(dip, QUIET, f"{quiet.url}/messages", **limits)
        return await quiet.wait_for(*transactions)

    async def test_messages_that_wait_go_together(self, dip: Dip, quiet: Inbox):
        assert {a.batch for a in await self.deliver(dip, quiet, 7)} == {7}

    async def test_no_more_messages_than_the_recipient_takes_at_a_time(self, dip: Dip, quiet: Inbox):
        await self.deliver(dip, quiet, 7, maxMessageCount=3)
        assert [len(call) for call in quiet.calls] == [3, 3, 1]

    async def test_no_more_bytes_than_the_recipient_takes_at_a_time(self, dip: Dip, quiet: Inbox):
        arrivals = await self.deliver(dip, quiet, 7, maxPayloadSize=12)
        sizes = [a.batch_bytes for a in arrivals]
        assert max(sizes) <= 12_000
        # As many as fit: no batch is so small that the next message would have found room.
        largest = max(len(msgspec.json.encode(a.message)) for a in arrivals)
        assert all(len(call.body) + largest > 12_000 for call in quiet.calls[:-1])

    async def test_a_message_larger_than_that_goes_alone(self, dip: Dip, quiet: Inbox):
        arrivals = await self.deliver(dip, quiet, 3, maxPayloadSize=1)
        assert [a.batch for a in arrivals] == [1, 1, 1]
        assert all(a.batch_bytes > 1_000 for a in arrivals)

    async def test_each_call_has_messages_of_one_publication_alone(self, dip: Dip, quiet: Inbox):
        departure = draft(
            "IF-037",
            "MSDeApp",
            sender=REGISTRATION,
            role="REGS",
            mpan=QUIET_MPAN,
            primary_recipients=[METERING],
        )
        reply = await dip.participants[REGISTRATION].send("IF-037", [departure])
        await set_webhook(dip, QUIET, f"{quiet.url}/messages", "IF-037")
        await self.deliver(dip, quiet, 2)
        await quiet.wait_for(*assert_accepted(reply))
        assert sorted((call.publication_id, len(call)) for call in quiet.calls) == [("PUB-021", 2), ("PUB-037", 1)]

    async def test_messages_of_many_calls_arrive_in_the_order_of_their_queue(self, dip: Dip, quiet: Inbox):
        first = await send(dip, 3, mpan=QUIET_MPAN)
        await eventually(lambda: count_waiting(dip, QUIET, 3), "the first wait")
        arrivals = await self.deliver_more(dip, quiet, 3)
        assert quiet.calls[0].transaction_ids == [*first, *arrivals]

    async def deliver_more(self, dip: Dip, quiet: Inbox, before: int) -> list[str]:
        more = await send(dip, 4, mpan=QUIET_MPAN)
        await eventually(lambda: count_waiting(dip, QUIET, before + 4), "all messages wait")
        await set_webhook(dip, QUIET, f"{quiet.url}/messages")
        await quiet.wait_for(*more)
        return more


class TestRefusals:
    async def test_what_a_recipient_refuses_is_told_to_its_sender_in_the_recipients_words(
        self, dip: Dip, inboxes: dict[str, Inbox]
    ):
        """E2E 4.6.6.1: 207, and the DIP sends status messages for those that failed."""
        reason = "REG1020 - Meter install date cannot be in the future"
        messages = [draft(), draft(), draft()]
        bad = get_reference(messages[1])

        async def refuse_one(batch: ReceivedBatch) -> dict[str, str]:
            return {h.transaction_id: reason for h in batch.headers if h.sender_unique_reference == bad}

        inboxes[SUPPLIER].answering = refuse_one
        reply = await dip.participants[DATA].send("IF-021", messages)
        good, refused, other = assert_accepted(reply, 3)
        status = await inboxes[DATA].wait_for_status(refused)
        assert status.message == reason
        assert (status.senderID, status.recipientID) == (SUPPLIER, DATA)
        assert status.senderUniqueReference == bad
        assert_is_a("StandardResponseBodyType", msgspec.json.encode(status))
        await inboxes[SUPPLIER].wait_for(good, other)
        assert refused not in inboxes[SUPPLIER].arrivals
        assert [e.transactionID for e in inboxes[DATA].statuses].count(refused) == 1
        async with dip.pool.acquire() as connection:
            query = "select code, text from dead_letter e join queue q on q.id = e.queue where q.dip_id = $1"
            assert [tuple(row) for row in await connection.fetch(query, SUPPLIER)] == [("REG1020", reason)]

    async def test_a_refusal_of_everything_is_final_too(self, dip: Dip, inboxes: dict[str, Inbox]):
        async def refuse_all(batch: ReceivedBatch) -> dict[str, str]:
            return dict.fromkeys(batch.transaction_ids, "RCP1061 - MPAN Invalid or Unknown")

        inboxes[OTHER_SUPPLIER].answering = refuse_all
        transactions = await send(dip, 2, mpan=MOVED_MPAN)
        for transaction in transactions:
            status = await inboxes[DATA].wait_for_status(transaction)
            assert (status.code, status.senderID) == ("RCP1061", OTHER_SUPPLIER)

    async def test_what_a_207_does_not_mention_is_sent_again(self, dip: Dip):
        transactions = await send(dip, 3, mpan=QUIET_MPAN)
        seen: list[list[str]] = []

        async def take_first(request: web.Request) -> web.Response:
            batch = msgspec.json.decode(await request.read())
            ids = [m["payload"]["CommonBlock"]["D0"]["transactionID"] for m in batch]
            seen.append(ids)
            entry = {"transactionID": ids[0], "message": "RCP0000 - Message Success"}
            return web.json_response({"messageArray": [entry]}, status=207)

        port = find_free_port()
        async with odd_server(Credentials.load(dip.credentials / QUIET).ssl_context_for_server(), port, take_first):
            await set_webhook(dip, QUIET, f"https://127.0.0.1:{port}/messages")
            await eventually(lambda: len(seen) >= 3, "it is sent again until it is mentioned")
        assert {ids[0] for ids in seen} == set(transactions)
        await eventually(lambda: count_waiting(dip, QUIET, 0), "nothing waits any more")
