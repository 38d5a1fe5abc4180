"""What may mend itself is tried again, and arrives when the recipient has recovered (E2E 4.6.6.1)."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from opendip.client import Credentials, ReceivedBatch, TryLater
from opendip.client.certificates import Subject
from opendip.domain.homes import Home
from opendip.operations.authority import Authorities, create_authorities, load_authorities, write_credentials
from tests.journeys.answers import assert_accepted
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.inboxes import Inbox
from tests.journeys.market import QUIET, QUIET_MPAN, REGISTRATION, SUPPLIER
from tests.journeys.processes import find_free_port
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import count_waiting, odd_server, respond, send, set_webhook


async def fail(dip: Dip, port: int, outcome: str) -> list[str]:
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


async def test_from_being_away(dip: Dip):
    port = find_free_port()
    await finish(dip, port, await fail(dip, port, "could not be reached"))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_from_an_answer_that_is_none(dip: Dip, status: int):
    port = find_free_port()
    context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
    server = odd_server(context, port, respond(status, b"{}"))
    async with server:
        transactions = await fail(dip, port, f"answered {status}")
    await finish(dip, port, transactions)


async def finish(dip: Dip, port: int, transactions: list[str]) -> None:
    inbox = Inbox(dip.credentials / QUIET, port)
    async with inbox.receiver:
        await inbox.wait_for(*transactions)
        await eventually(lambda: count_waiting(dip, QUIET, 0), "nothing waits any more")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"messageArray":[]}', b'{"messageArray":[{}]}'])
async def test_from_a_207_that_says_nothing(dip: Dip, body: bytes):
    port = find_free_port()
    context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
    async with odd_server(context, port, respond(207, body)):
        transactions = await fail(dip, port, "answered 207 with")
    await finish(dip, port, transactions)


async def test_from_a_server_that_does_not_speak_tls(dip: Dip):
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\n\r\n")
        writer.close()

    port = find_free_port()
    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        transactions = await fail(dip, port, "webhook")
    await finish(dip, port, transactions)


async def test_from_a_server_that_hangs_up_without_an_answer(dip: Dip):
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    port = find_free_port()
    context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
    async with odd_server(context, port, hang_up):
        transactions = await fail(dip, port, "")
    await finish(dip, port, transactions)


async def test_from_a_certificate_of_another_environment(dip: Dip, tmp_path: Path):
    others = create_authorities(tmp_path / "authorities", "SITB", datetime.now(UTC))
    await distrust(dip, issue(tmp_path, others, ["127.0.0.1"]))


async def test_from_a_certificate_that_does_not_name_the_host(dip: Dip, tmp_path: Path):
    own = load_authorities(Home(dip.home).authorities)
    await distrust(dip, issue(tmp_path, own, ["hooks.example.org"]))


def issue(directory: Path, authorities: Authorities, hosts: list[str]) -> ssl.SSLContext:
    subject = Subject(QUIET, "Example Quiet Ltd")
    write_credentials(directory / QUIET, authorities, subject, datetime.now(UTC), hosts=hosts)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / QUIET / "tls.pem", directory / QUIET / "tls.key")
    return context


async def distrust(dip: Dip, context: ssl.SSLContext) -> None:
    port, reached = find_free_port(), []

    async def answer(request: web.Request) -> web.Response:
        reached.append(request)
        return web.Response(status=201)

    async with odd_server(context, port, answer):
        transactions = await fail(dip, port, "certificate is not one of this environment")
    assert reached == []
    await finish(dip, port, transactions)


async def test_from_asking_to_be_tried_later(dip: Dip, inboxes: dict[str, Inbox]):
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


async def test_while_one_recipient_is_away_the_others_are_served(dip: Dip):
    port = find_free_port()
    await set_webhook(dip, QUIET, f"https://127.0.0.1:{port}/messages")
    transactions = await send(dip, 1, mpan=QUIET_MPAN)
    for _ in range(5):
        await dip.inboxes[SUPPLIER].wait_for(*await send(dip, 1))
    await finish(dip, port, transactions)


async def test_from_a_clock_that_was_days_ahead(dip: Dip):
    """What the right clock dates lies before what the wrong one dated, and is found all the same."""
    port = find_free_port()
    inbox = Inbox(dip.credentials / QUIET, port)
    async with inbox.receiver:
        await set_webhook(dip, QUIET, f"{inbox.url}/messages")
        await inbox.wait_for(*await send(dip, 1, mpan=QUIET_MPAN))
        await eventually(lambda: count_waiting(dip, QUIET, 0), "it is delivered")
        async with dip.pool.acquire() as connection:
            await connection.execute(
                """update queue_progress set done_on = current_date + 10
                where queue = (select id from queue where dip_id = $1 and channel = 'IF-021')""",
                QUIET,
            )
        await inbox.wait_for(*await send(dip, 3, mpan=QUIET_MPAN))
        await eventually(lambda: count_waiting(dip, QUIET, 0), "nothing waits any more")
