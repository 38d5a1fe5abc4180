"""Callers that mean harm, or whose software is broken: never a 500, never a hang, and others are served as before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.journeys.answers import assert_accepted, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft, get_common, get_sender
from tests.journeys.market import DATA, SUPPLIER
from tests.journeys.participants import Participant, encode_batch, get_path
from tests.journeys.wire import LIMIT_SECONDS, ask, connect, read_all, write_call

CHANNEL = get_path("IF-021")
REQUEST = b"POST /2.1.0/dip-channel/IF-021 HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def served_afterwards(dip: Dip) -> AsyncIterator[None]:
    """Whatever a test has done, a call on a new connection is answered after it."""
    yield
    caller, body = dip.participants[DATA], encode_batch([draft()])
    call = write_call(CHANNEL, body, {**caller.sign(CHANNEL, body), "Connection": "close"})
    assert (await ask(dip.port, caller.tls, call)).startswith(b"HTTP/1.1 201 Created")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def silent(dip: Dip) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Connections that say nothing while all other tests of this page run: bare, and within TLS."""
    async with AsyncExitStack() as stack:
        tls = dip.participants[DATA].tls
        contexts = [None] * 50 + [tls] * 50
        pairs = [await stack.enter_async_context(connect(dip.port, context)) for context in contexts]
        for _, writer in pairs[75:]:
            writer.write(REQUEST)
        yield [reader for reader, _ in pairs[50:]]


@pytest.mark.usefixtures("silent")
class TestJson:
    async def send(self, dip: Dip, body: bytes) -> Any:
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(CHANNEL, body)
        assert_refused(reply, 400, "MSG1001", "")
        return reply.entry["help"]

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"payload":', b'[{"payload":{"CommonBlock":'])
    async def test_deep_nesting_is_refused(self, dip: Dip, opening: bytes):
        assert await self.send(dip, opening * 200_000)

    async def test_a_huge_message_that_breaks_its_schema_is_refused_without_a_closer_look(self, dip: Dip):
        message = draft()
        message["payload"]["CustomBlock"]["B999"] = [{"made": "up"}] * 400_000
        assert "too large" in await self.send(dip, encode_batch([message]))

    async def test_deep_nesting_in_a_complete_message_is_refused(self, dip: Dip):
        message = draft()
        message["payload"]["CustomBlock"]["B999"] = "here"
        deep = b"[" * 50_000 + b"]" * 50_000
        assert await self.send(dip, encode_batch([message]).replace(b'"here"', deep))

    async def test_a_property_given_twice_cannot_forge_a_sender(self, dip: Dip):
        """What is checked is what is delivered: recipients must not read another sender than the DIP did."""
        body = encode_batch([draft()])
        forged = body.replace(b'"senderDIPID":', f'"senderDIPID":"{SUPPLIER}","senderDIPID":'.encode())
        assert forged != body
        reply = await dip.participants[DATA].call(CHANNEL, forged)
        assert reply.status in (201, 400)
        if reply.status == 201:
            await self.check_delivered(dip, assert_accepted(reply)[0])

    async def test_a_block_given_twice_cannot_forge_a_sender(self, dip: Dip):
        message = draft()
        block = json.dumps({**get_sender(message), "senderDIPID": SUPPLIER})
        forged = encode_batch([message]).replace(b'"S1":', f'"S1":{block},"S1":'.encode())
        reply = await dip.participants[DATA].call(CHANNEL, forged)
        assert reply.status in (201, 400)
        if reply.status == 201:
            await self.check_delivered(dip, assert_accepted(reply)[0])

    async def check_delivered(self, dip: Dip, transaction: str) -> None:
        inbox = dip.inboxes[SUPPLIER]
        await inbox.wait_for(transaction)
        for batch in inbox.calls:
            if transaction in batch.transaction_ids:
                raw = bytes(batch.list_raw()[batch.transaction_ids.index(transaction)])
                # Read by a parser that sees every property, not only the last of each name.
                assert raw.count(b"senderDIPID") == 1
                json.loads(raw, object_pairs_hook=refuse_twins)

    @pytest.mark.parametrize(
        "text",
        [
            r"\u0000",
            r"\ud800",
            r"\udc00\ud800",
            r"\ud83d\ude00",
            "\u202e",
            "é" * 100,
            r"\\\"",
            "'; drop table message;--",
        ],
    )
    async def test_strange_strings_are_carried_as_they_are_or_refused(self, dip: Dip, text: str):
        message = draft()
        get_sender(message)["subText"] = "here"
        body = encode_batch([message]).replace(b'"subText":"here"', f'"subText":"{text}"'.encode())
        reply = await dip.participants[DATA].call(CHANNEL, body)
        if reply.status == 400:
            assert_refused(reply, 400, "MSG1001", "")
            return
        [arrival] = await dip.inboxes[SUPPLIER].wait_for(*assert_accepted(reply))
        assert arrival.common["S1"]["subText"] == json.loads(f'"{text}"')

    @pytest.mark.parametrize(
        "number", ["1e400", "-1e400", "1" * 5000, "0." + "1" * 5000, "1e-400", "-0", "9" * 19, "00", "+1", "1.", "0x1"]
    )
    async def test_huge_and_strange_numbers_are_refused(self, dip: Dip, number: str):
        message = draft()
        get_common(message)["M0"]["GSPGroupID"] = "here"
        assert await self.send(dip, encode_batch([message]).replace(b'"here"', number.encode()))

    @pytest.mark.parametrize("mpan", ["٢٠٠٠٠٠٠٠٠٠٠٠٠", "2000000000000\n", "-200000000000", "2e12         "])
    async def test_digits_are_those_of_ascii(self, dip: Dip, mpan: str):
        message = draft()
        get_common(message)["M0"]["MPANCore"] = mpan
        assert "MPANCore" in await self.send(dip, encode_batch([message]))

    async def test_ten_thousand_wrong_messages_are_refused_by_the_first(self, dip: Dip):
        assert (await self.send(dip, b"[" + b"{}," * 9_999 + b"{}]")).startswith("Message 1 of 10000: ")

    async def test_fifty_thousand_properties_are_refused(self, dip: Dip):
        message = draft()
        many = ",".join(f'"p{n}":{n}' for n in range(50_000))
        body = encode_batch([message]).replace(b'"S1":{', f'"S1":{{{many},'.encode())
        assert "no such property" in await self.send(dip, body)

    @pytest.mark.parametrize("path", [CHANNEL, "/2.1.0/statusmessage"])
    @pytest.mark.parametrize(
        ("make", "status"),
        [
            (lambda: b"[" + b"1," * 2**25 + b"1]", 413),
            (lambda: b"[{" + b",".join(b'"p%d":1' % n for n in range(2_000_000)) + b"}]", 400),
        ],
        ids=["millions of elements", "millions of properties"],
    )
    async def test_huge_bodies_are_refused_while_others_are_served(
        self, dip: Dip, path: str, make: Callable[[], bytes], status: int
    ):
        refusing = asyncio.create_task(dip.participants[DATA].call(path, make()))
        while not refusing.done():
            message = draft("IF-024", "SN-Vacant", sender=SUPPLIER, role="SUP")
            assert_accepted(await dip.participants[SUPPLIER].send("IF-024", [message]))
        assert (await refusing).status == status


def refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


@pytest.mark.usefixtures("silent")
class TestHttp:
    """On the wire, after a proper TLS handshake."""

    async def ask(self, dip: Dip, sent: bytes) -> bytes:
        async with dip.creating_nothing():
            return await ask(dip.port, dip.participants[DATA].tls, sent)

    @pytest.mark.parametrize(
        "head",
        [
            REQUEST + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\n",
            REQUEST + b"X-Endless: " + b"y" * 10_000_000,
            b"POST /" + b"y" * 10_000_000,
            b"P" * 10_000_000,
        ],
        ids=["100,000 headers", "an endless header", "an endless path", "an endless method"],
    )
    async def test_an_endless_head_ends_the_connection(self, dip: Dip, head: bytes):
        assert await self.ask(dip, head) == b""

    @pytest.mark.parametrize(
        "sent",
        [
            b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"GET\r\n\r\n",
            b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/9.9\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            REQUEST + b"Content-Length: -1\r\n\r\n",
            REQUEST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            REQUEST + b"Content-Length: 99999999999999999999999\r\n\r\n",
            REQUEST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            REQUEST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            REQUEST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            REQUEST + b"X-Broken\x00: y\r\n\r\n",
            REQUEST + b"X-Folded: a\r\n b\r\n\r\n",
            b"POST /\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"POST /%ff%00/dip-channel/IF-021 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST https://example.org/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            REQUEST + b"Upgrade: h2c\r\nConnection: Upgrade, close\r\nContent-Length: 0\r\n\r\n",
        ],
    )
    async def test_broken_http_is_answered_with_a_refusal_or_not_at_all(self, dip: Dip, sent: bytes):
        async with dip.creating_nothing(), connect(dip.port, dip.participants[DATA].tls) as (reader, writer):
            writer.write(sent)
            answer = await read_some(reader)
        assert answer == b"" or answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 404", b"HTTP/1.1 405")

    @pytest.mark.parametrize(
        ("target", "host"),
        [
            (b"/2.1.0/dip-channel/IF-\xe9\xff", b"127.0.0.1"),
            (b"/2.1.0/dip-channel/IF-%E9%FF", b"127.0.0.1"),
            (b"/2.1.0/dip-channel/IF-021?a=\xe9\xff", b"127.0.0.1"),
            (b"/2.1.0/dip-channel/IF-021?", b"127.0.0.1"),
            (b"/2.1.0/dip-channel/IF-021", b"["),
            (b"/2.1.0/dip-channel/IF-021", b"[::1"),
            (b"/2.1.0/dip-channel/IF-021", b"\xff"),
            (b"/2.1.0/dip-channel/IF-021", b"a/b?c#d"),
            (b"/2.1.0/dip-channel/IF-021", b"example.org:99999999"),
            (b"https://[/2.1.0/dip-channel/IF-021", b"127.0.0.1"),
            (b"https://example.org/2.1.0/dip-channel/IF-021", b"127.0.0.1"),
        ],
    )
    async def test_strange_addresses_are_not_the_dips(self, dip: Dip, target: bytes, host: bytes):
        """Whatever is called and under whatever name: the signed URL must be one of the public ones."""
        caller, body = dip.participants[DATA], encode_batch([draft()])
        headers = {**caller.sign(CHANNEL + "?other", body), "Connection": "close"}
        call = write_call("<target>", body, headers).replace(b"<target>", target)
        answer = await self.ask(dip, call.replace(b"Host: 127.0.0.1", b"Host: " + host))
        assert answer == b"" or answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 404")

    @pytest.mark.parametrize(("connection", "wish"), [("Upgrade, close", "websocket"), ("close", "websocket")])
    async def test_a_call_that_asks_for_another_protocol_is_a_call_like_others(
        self, dip: Dip, connection: str, wish: str
    ):
        caller, body = dip.participants[DATA], encode_batch([draft()])
        headers = {**caller.sign(CHANNEL, body), "Connection": connection, "Upgrade": wish}
        answer = await ask(dip.port, caller.tls, write_call(CHANNEL, body, headers))
        assert answer.startswith(b"HTTP/1.1 201")

    async def test_pipelined_calls_are_all_answered_in_order(self, dip: Dip):
        caller = dip.participants[DATA]
        requests = b""
        for path in (CHANNEL, "/nowhere", CHANNEL, get_path("IF-999"), CHANNEL):
            body = encode_batch([draft()])
            requests += write_call(path, body, caller.sign(path, body))
        last = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        answer = await ask(dip.port, caller.tls, requests + last)
        statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"201", b"404", b"201", b"404", b"201", b"404"]

    async def test_a_client_that_is_gone_in_mid_body_leaves_nothing(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft() for _ in range(200)])
        async with dip.creating_nothing():
            for share in (0, 1, len(body) // 2, len(body) - 1):
                async with connect(dip.port, caller.tls) as (_, writer):
                    call = write_call(CHANNEL, body, caller.sign(CHANNEL, body))
                    writer.write(call[: len(call) - len(body) + share])
                    await writer.drain()

    async def test_announcing_what_never_comes_keeps_nobody_waiting(self, dip: Dip):
        """Two organisations announce as much as may be in flight at all, and then send a byte."""
        async with AsyncExitStack() as stack:
            for caller in [dip.participants[DATA], dip.participants[SUPPLIER]] * 20:
                await stack.enter_async_context(announcing(dip, caller))
            for _ in range(8):
                async with Participant(dip.credentials / SUPPLIER, dip.base) as other:
                    message = draft("IF-024", "SN-Vacant", sender=SUPPLIER, role="SUP")
                    assert_accepted(await other.send("IF-024", [message]))

    async def test_a_body_that_dribbles_is_given_up_long_before_its_time(self, dip: Dip):
        async with dip.creating_nothing(), announcing(dip, dip.participants[DATA]) as (reader, writer):
            answering = asyncio.create_task(read_some(reader))
            while not answering.done():
                writer.write(b" ")
                await asyncio.wait({answering}, timeout=0.5)
            assert answering.result().startswith(b"HTTP/1.1 408")

    async def test_a_hundred_slow_bodies_do_not_keep_others_waiting(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft()])
        async with AsyncExitStack() as stack:
            for _ in range(100):
                _, writer = await stack.enter_async_context(connect(dip.port, caller.tls))
                headers = {**caller.sign(CHANNEL, body), "Content-Length": "9000000"}
                writer.write(write_call(CHANNEL, b"[", headers))
            assert_accepted(await caller.send("IF-021", [draft()]))


@asynccontextmanager
async def announcing(dip: Dip, caller: Participant) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A call whose body is announced as the largest there may be, and that has begun with one byte of it."""
    async with connect(dip.port, caller.tls) as (reader, writer):
        writer.write(write_call(CHANNEL, b"[", {**caller.sign(CHANNEL, b"["), "Content-Length": str(2**28)}))
        await writer.drain()
        yield reader, writer


async def read_some(reader: asyncio.StreamReader) -> bytes:
    """The beginning of an answer, without waiting for the connection to be closed."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await reader.read(2**16)
    except ConnectionError:
        return b""


async def test_connections_that_say_nothing_are_closed(dip: Dip, silent: list[asyncio.StreamReader]):
    assert await asyncio.gather(*(read_all(reader) for reader in silent)) == [b""] * len(silent)
