"""Deliveries: batches within what a recipient takes, every kind of answer, and recipients that are away (E2E 4.6)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from opendip.client import Credentials, ReceivedBatch, TryLater
from opendip.client.certificates import Subject
from opendip.domain.homes import Home
from opendip.operations.authority import create_authorities, load_authorities, write_credentials
from tests.journeys.answers import assert_accepted, assert_is_a
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_reference
from tests.journeys.inboxes import Arrival, Inbox
from tests.journeys.market import DATA, METERING, OTHER_SUPPLIER, QUIET, QUIET_MPAN, REGISTRATION, SUPPLIER
from tests.journeys.participants import get_path
from tests.journeys.processes import find_free_port
from tests.journeys.waiting import eventually


async def set_webhook(dip: Dip, recipient: str, url: str, channel: str = "IF-021", **limits: int) -> None:
    body = msgspec.json.encode({"callbackURL": url, **limits})
    reply = await dip.participants[recipient].call(f"{get_path(channel)}/pubconfig/{recipient}", body)
    assert reply.status == 201, reply.body


async def send(dip: Dip, count: int, **options: object) -> list[str]:
    messages = [draft(**options) for _ in range(count)]  # type: ignore[arg-type]
    return assert_accepted(await dip.participants[DATA].send("IF-021", messages), count)


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


async def count_waiting(dip: Dip, recipient: str, count: int, channel: str = "IF-021") -> bool:
    query = """select q.tail - p.done from queue q join queue_progress p on q.id = p.queue
        where q.dip_id = $1 and q.channel = $2"""
    async with dip.pool.acquire() as connection:
        return await connection.fetchval(query, recipient, channel) == count


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
            query = "select code, text from delivery_exception e join queue q on q.id = e.queue where q.dip_id = $1"
            assert [tuple(row) for row in await connection.fetch(query, SUPPLIER)] == [("REG1020", reason)]

    async def test_a_refusal_of_everything_is_final_too(self, dip: Dip, inboxes: dict[str, Inbox]):
        async def refuse_all(batch: ReceivedBatch) -> dict[str, str]:
            return dict.fromkeys(batch.transaction_ids, "RCP1061 - MPAN Invalid or Unknown")

        inboxes[OTHER_SUPPLIER].answering = refuse_all
        transactions = await send(dip, 2, mpan="2000000100000")
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


@asynccontextmanager
async def odd_server(
    context: ssl.SSLContext, port: int, answer: Callable[[web.Request], object]
) -> AsyncIterator[None]:
    """A webhook that answers as no good one does."""
    application = web.Application(client_max_size=2**28)
    application.router.add_post("/messages", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(application, access_log=None, max_field_size=2**15, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


def respond(status: int, body: bytes = b"", **headers: str) -> Callable[[web.Request], object]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


class TestRecovery:
    """Whatever a recipient answers but 201 and 207 is tried again, and the message arrives when it has recovered."""

    async def fail(self, dip: Dip, port: int, outcome: str) -> list[str]:
        since = datetime.now(UTC)
        await set_webhook(dip, QUIET, f"https://127.0.0.1:{port}/messages")
        transactions = await send(dip, 2, mpan=QUIET_MPAN)

        async def has_failed() -> bool:
            query = """select a.outcome from attempt a join queue q on q.id = a.queue
                where q.dip_id = $1 and a.attempted_at >= $2"""
            async with dip.pool.acquire() as connection:
                found = [row["outcome"] for row in await connection.fetch(query, QUIET, since)]
            assert all(outcome in each for each in found), found
            return len(found) >= 2

        await eventually(has_failed, "two attempts have failed")
        return transactions

    async def test_from_being_away(self, dip: Dip):
        port = find_free_port()
        await self.finish(dip, port, await self.fail(dip, port, "could not be reached"))

    @pytest.mark.parametrize("status", [200, 202, 204, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504])
    async def test_from_an_answer_that_is_none(self, dip: Dip, status: int):
        port = find_free_port()
        context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
        server = odd_server(context, port, respond(status, b"" if status == 204 else b"{}"))
        async with server:
            transactions = await self.fail(dip, port, f"answered {status}")
        await self.finish(dip, port, transactions)

    async def finish(self, dip: Dip, port: int, transactions: list[str]) -> None:
        inbox = Inbox(dip.credentials / QUIET, port)
        async with inbox.receiver:
            await inbox.wait_for(*transactions)
            await eventually(lambda: count_waiting(dip, QUIET, 0), "nothing waits any more")

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"messageArray":[]}', b'{"messageArray":[{}]}'])
    async def test_from_a_207_that_says_nothing(self, dip: Dip, body: bytes):
        port = find_free_port()
        context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
        async with odd_server(context, port, respond(207, body)):
            transactions = await self.fail(dip, port, "answered 207 with")
        await self.finish(dip, port, transactions)

    async def test_from_a_redirect_which_is_not_followed(self, dip: Dip):
        port, elsewhere = find_free_port(), Inbox(dip.credentials / QUIET)
        context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
        async with elsewhere.receiver:
            target = respond(307, Location=f"{elsewhere.url}/messages")
            async with odd_server(context, port, target):
                transactions = await self.fail(dip, port, "answered 307")
            await self.finish(dip, port, transactions)
            assert elsewhere.calls == []

    async def test_from_a_server_that_does_not_speak_tls(self, dip: Dip):
        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 201 Created\r\n\r\n")
            writer.close()

        port = find_free_port()
        async with await asyncio.start_server(hang_up, "127.0.0.1", port):
            transactions = await self.fail(dip, port, "webhook")
        await self.finish(dip, port, transactions)

    async def test_from_a_server_that_hangs_up_without_an_answer(self, dip: Dip):
        async def hang_up(request: web.Request) -> web.Response:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        port = find_free_port()
        context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
        async with odd_server(context, port, hang_up):
            transactions = await self.fail(dip, port, "")
        await self.finish(dip, port, transactions)

    async def test_from_a_certificate_of_another_environment(self, dip: Dip, tmp_path: Path):
        others = create_authorities(tmp_path / "authorities", "SITB", datetime.now(UTC))
        await self.distrust(dip, self.issue(tmp_path, others, ["127.0.0.1"]))

    async def test_from_a_certificate_that_does_not_name_the_host(self, dip: Dip, tmp_path: Path):
        own = load_authorities(Home(dip.home).authorities)
        await self.distrust(dip, self.issue(tmp_path, own, ["hooks.example.org"]))

    def issue(self, directory: Path, authorities: object, hosts: list[str]) -> ssl.SSLContext:
        subject = Subject(QUIET, "Example Quiet Ltd")
        write_credentials(directory / QUIET, authorities, subject, datetime.now(UTC), hosts=hosts)  # type: ignore[arg-type]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(directory / QUIET / "tls.pem", directory / QUIET / "tls.key")
        return context

    async def distrust(self, dip: Dip, context: ssl.SSLContext) -> None:
        port, reached = find_free_port(), []

        async def answer(request: web.Request) -> web.Response:
            reached.append(request)
            return web.Response(status=201)

        async with odd_server(context, port, answer):
            transactions = await self.fail(dip, port, "certificate is not one of this environment")
        assert reached == []
        await self.finish(dip, port, transactions)

    async def test_from_asking_to_be_tried_later(self, dip: Dip, inboxes: dict[str, Inbox]):
        refusals = 3

        async def refuse_for_a_while(_: ReceivedBatch) -> None:
            nonlocal refusals
            refusals -= 1
            if refusals >= 0:
                raise TryLater(503)

        inboxes[REGISTRATION].answering = refuse_for_a_while
        message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
        reply = await dip.participants[SUPPLIER].send("IF-031", [message])
        await inboxes[REGISTRATION].wait_for(*assert_accepted(reply))
        assert refusals < 0

    async def test_while_one_recipient_is_away_the_others_are_served(self, dip: Dip):
        port = find_free_port()
        await set_webhook(dip, QUIET, f"https://127.0.0.1:{port}/messages")
        transactions = await send(dip, 1, mpan=QUIET_MPAN)
        for _ in range(5):
            await dip.inboxes[SUPPLIER].wait_for(*await send(dip, 1))
        await self.finish(dip, port, transactions)
