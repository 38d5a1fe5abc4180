"""One POST to a webhook: what it is answered, and every way in which it is not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from opendip.client import Credentials
from opendip.client.certificates import Subject
from opendip.operations.authority import create_authorities, write_credentials
from opendip.stages.deliver.transport import MAX_ANSWER_BYTES, Transport, get_answer_limit

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECONDS = 60.0


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    directory: Path = tmp_path_factory.mktemp("credentials")
    authorities = create_authorities(directory / "authorities", "SIT", datetime.now(UTC))
    subject = Subject("2300000012", "Example Supply Ltd")
    write_credentials(directory / "own", authorities, subject, datetime.now(UTC), hosts=["127.0.0.1", "localhost"])
    return Credentials.load(directory / "own")


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext) -> AsyncIterator[int]:
    application = web.Application(client_max_size=2**26)
    application.router.add_post("/messages", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def make_transport(
    credentials: Credentials, *, answer_seconds: float = SECONDS, allows_private: bool = True
) -> Transport:
    return Transport(credentials.ssl_context_for_client(), SECONDS, answer_seconds, allows_private)


async def test_the_body_arrives_whole_with_its_length_and_headers(credentials: Credentials) -> None:
    seen: list[tuple[bytes, str | None, str | None]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((await request.read(), request.headers.get("Content-Length"), request.headers.get("X-DIP-MPO")))
        return web.Response(status=201, body=b"taken")

    body = b"[" + b" " * 3_000_000 + b"]"
    async with serving(take, credentials.ssl_context_for_server()) as port, make_transport(credentials) as one:
        reply = await one.post(f"https://127.0.0.1:{port}/messages", body, {"X-DIP-MPO": "2300000012;SUP"}, 1)
    assert (reply.status, reply.body, reply.failure) == (201, b"taken", None)
    assert seen == [(body, str(len(body)), "2300000012;SUP")]


async def test_a_webhook_that_never_answers_is_given_up(credentials: Credentials) -> None:
    never = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with (
        serving(wait, credentials.ssl_context_for_server()) as port,
        make_transport(credentials, answer_seconds=0.2) as one,
    ):
        reply = await one.post(f"https://127.0.0.1:{port}/messages", b"[]", {}, 1)
        never.set()
    assert (reply.status, reply.failure) == (None, "no answer in time")


def test_an_answer_may_be_as_long_as_it_has_messages_to_speak_of() -> None:
    assert [get_answer_limit(count) for count in (1, 10, 50_000)] == [73_728, 147_456, MAX_ANSWER_BYTES]


async def test_an_answer_beyond_the_limit_is_not_read_to_its_end(credentials: Credentials) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=207)
        await response.prepare(request)
        for _ in range(1_000):
            await response.write(b" " * 10_000)
        return response

    async with serving(pour, credentials.ssl_context_for_server()) as port, make_transport(credentials) as one:
        reply = await one.post(f"https://127.0.0.1:{port}/messages", b"[]", {}, 1)
    assert (reply.status, reply.body) == (None, b"")
    assert "larger than 73728 bytes" in (reply.failure or "")


async def test_a_redirect_is_an_answer_and_not_followed(credentials: Credentials) -> None:
    calls = []

    async def redirect(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=308, headers={"Location": "/messages"})

    async with serving(redirect, credentials.ssl_context_for_server()) as port, make_transport(credentials) as one:
        reply = await one.post(f"https://127.0.0.1:{port}/messages", b"[]", {}, 1)
    assert (reply.status, calls) == (308, ["/messages"])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.1.2.3", "0.0.0.0"]
)
async def test_private_addresses_are_not_connected_to_unless_allowed(credentials: Credentials, host: str) -> None:
    """Also when a name only turns out to be one when it is resolved, like localhost here."""
    calls = []

    async def take(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=201)

    async with (
        serving(take, credentials.ssl_context_for_server()) as port,
        make_transport(credentials, allows_private=False) as one,
    ):
        reply = await one.post(f"https://{host}:{port}/messages", b"[]", {}, 1)
    assert reply.status is None
    assert reply.failure in ("the webhook's address is not public", "the webhook could not be reached")
    assert calls == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\nshort", "the answer broke off"),
        (b"", "the webhook closed the connection without an answer"),
        (b"secret-word\r\n\r\n", "the answer is not HTTP"),
    ],
)
async def test_a_connection_that_ends_too_soon_is_told_in_words(
    credentials: Credentials, written: bytes, words: str
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"[]")
        writer.write(written)
        writer.close()

    tls = credentials.ssl_context_for_server()
    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server,
        make_transport(credentials) as one,
    ):
        port = server.sockets[0].getsockname()[1]
        reply = await one.post(f"https://127.0.0.1:{port}/messages", b"[]", {}, 1)
    assert (reply.status, reply.failure) == (None, words)


async def test_what_goes_wrong_is_told_without_what_the_other_side_wrote(credentials: Credentials) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"secret-word")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server, make_transport(credentials) as one:
        port = server.sockets[0].getsockname()[1]
        reply = await one.post(f"https://127.0.0.1:{port}/messages", b"[]", {}, 1)
    assert reply.status is None
    assert reply.failure
    assert "secret-word" not in reply.failure
    assert "127.0.0.1" not in reply.failure
