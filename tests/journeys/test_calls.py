"""What is checked of a call before its messages are looked at: path, method, headers, size and form of the body."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.journeys.answers import assert_accepted, assert_refused
from tests.journeys.conftest import STRICT, Dip
from tests.journeys.drafts import draft
from tests.journeys.market import DATA, MPANS, SUPPLIER
from tests.journeys.participants import Participant, encode_batch, get_path
from tests.journeys.wire import connect, read_all, write_call

CHANNEL = get_path("IF-021")


class TestPath:
    @pytest.mark.parametrize(
        "path",
        [
            "/2.1.0/DIP-Channel/IF-021",
            "/2.1.0/dip-channel/IF-021/",
            "/2.1.0/dip-channels/IF-021",
            "/2.1.0/dip-channel",
            "/dip-channel/IF-021",
            "//2.1.0/dip-channel/IF-021",
            "/2.1.0/./dip-channel/IF-021",
            "/",
            "/2.1.0/dip-channel/IF-021/PubConfig/1400000011",
        ],
    )
    async def test_nothing_is_served_at_another_path_nor_in_another_case(self, dip: Dip, path: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(path, encode_batch([draft()]))
        assert_refused(reply, 404, "MSG1000", "Nothing is served at this path")

    @pytest.mark.parametrize("channel", ["if-021", "IF-999", "IF-21", "PUB-021", "IF-021%20", "IF-021%00", "x" * 300])
    async def test_a_channel_that_is_not_in_the_catalogue_is_refused(self, dip: Dip, channel: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(get_path(channel), encode_batch([draft()]))
        assert_refused(reply, 404, "MSG1002", "Ids are written as in the catalogue")

    @pytest.mark.parametrize("version", ["2.0.0", "2", "V2.1.0", "vv2.1.0", "1.10", "latest"])
    async def test_another_version_is_refused_with_those_that_are_served(self, dip: Dip, version: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(get_path("IF-021", version), encode_batch([draft()]))
        assert_refused(reply, 404, "MSG1000", "Served: 1.1, 2.1.0")


class TestMethodAndNegotiation:
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_another_method_than_post_is_refused(self, dip: Dip, method: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(CHANNEL, encode_batch([draft()]), method)
        assert_refused(reply, 405, "MSG1000", "not called with this method")
        assert reply.headers["allow"] == "POST"

    async def test_what_is_set_and_deleted_is_told_to_be(self, dip: Dip):
        reply = await dip.participants[DATA].call(f"{CHANNEL}/pubconfig/{DATA}", b"{}", "GET")
        assert_refused(reply, 405, "MSG1000", "not called with this method")
        assert set(reply.headers["allow"].split(", ")) == {"POST", "DELETE"}

    @pytest.mark.parametrize("accept", ["text/plain", "text/html, application/xml;q=0.9", "*/*;q=0"])
    async def test_an_answer_in_another_form_than_json_is_not_to_be_had(self, dip: Dip, accept: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], headers={"Accept": accept})
        assert_refused(reply, 406, "MSG1000", "Answers are application/json")

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "Application/*;q=0.1", "text/plain, */*;q=0.1"])
    async def test_json_is_answered_to_whoever_admits_it(self, dip: Dip, accept: str):
        assert_accepted(await dip.participants[DATA].send("IF-021", [draft()], headers={"Accept": accept}))

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
    async def test_a_compressed_body_is_refused(self, dip: Dip, coding: str):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft()], headers={"Content-Encoding": coding})
        assert_refused(reply, 400, "MSG1000", "not compressed")


class TestForm:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            b'{"payload":{}}',
            b"null",
            b'"IF-021"',
            b"not json",
            b"[",
            b"[}",
            b"[]extra",
            b"[{}] [{}]",
            b"[,]",
            b"\xff\xfe[\x00]\x00",
            b"\xef\xbb\xbf[{}]",
            b"[NaN]",
            b"\x00",
            b"[" * 100_000,
        ],
    )
    async def test_what_is_not_an_array_of_messages_is_refused(self, dip: Dip, body: bytes):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(CHANNEL, body)
        assert_refused(reply, 400, "MSG1001", "")
        assert reply.entry["help"]

    async def test_what_is_not_utf_8_is_refused(self, dip: Dip):
        body = encode_batch([draft()]).replace(b'"subText":null', b'"subText":"\xe9\xff"')
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(CHANNEL, body)
        assert_refused(reply, 400, "MSG1001", "UTF-8")

    async def test_an_empty_array_is_refused(self, dip: Dip):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].call(CHANNEL, b"[]")
        assert_refused(reply, 400, "MSG1001", "send at least one")

    @pytest.mark.parametrize("element", [b"1", b'"text"', b"null", b"[]", b"{}", b"[{}]"])
    async def test_an_element_that_is_no_message_is_named_by_its_place(self, dip: Dip, element: bytes):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [draft(), element])
        assert_refused(reply, 400, "MSG1001", "Message 2 of 2: ")

    async def test_white_space_between_messages_is_as_good_as_none(self, dip: Dip):
        messages = [draft() for _ in range(3)]
        texts = ", \r\n\t ".join(json.dumps(message, indent=2) for message in messages)
        reply = await dip.participants[DATA].call(CHANNEL, f" \n[ {texts} \n] \t".encode())
        arrivals = await dip.inboxes[SUPPLIER].wait_for(*assert_accepted(reply, 3))
        bodies = [arrival.message["payload"]["CustomBlock"] for arrival in arrivals]
        assert bodies == [message["payload"]["CustomBlock"] for message in messages]


class TestSize:
    async def test_more_messages_than_50000_are_refused(self, dip: Dip):
        async with dip.creating_nothing():
            reply = await dip.participants[DATA].send("IF-021", [b"{}"] * 50_001)
        assert_refused(reply, 413, "MSG1000", "50001 messages; at most 50000")

    async def test_a_call_of_as_many_as_are_taken_is_accepted(self, dip: Dip):
        most = STRICT["max_messages"]
        async with Participant(dip.credentials / DATA, dip.strict_base) as caller:
            messages = [draft("IF-038", "DirectContractMSAdd") for _ in range(most)]
            assert_accepted(await caller.send("IF-038", messages), most)

    async def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(self, dip: Dip):
        async with Participant(dip.credentials / DATA, dip.strict_base) as caller:
            head = write_call(CHANNEL, b"", {**caller.sign(CHANNEL, b""), "Content-Length": "300001"})
            async with dip.creating_nothing(), connect(port_of(dip.strict_base), caller.tls) as (reader, writer):
                writer.write(head)
                answer = await read_all(reader)
        assert_is_whole_refusal(answer, 413, "larger than 300000 bytes")

    async def test_a_body_that_grows_too_large_on_the_way_is_refused(self, dip: Dip):
        async def pour() -> AsyncIterator[bytes]:
            yield b"["
            for _ in range(40):
                yield b" " * 10_000

        async with Participant(dip.credentials / DATA, dip.strict_base) as caller, dip.creating_nothing():
            reply = await caller.call(CHANNEL, b"", sent=pour())
        assert_refused(reply, 413, "MSG1000", "larger than 300000 bytes")

    async def test_a_chunked_body_within_the_limits_is_accepted(self, dip: Dip):
        body = encode_batch([draft()])

        async def pour() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 1000):
                yield body[start : start + 1000]

        assert_accepted(await dip.participants[DATA].call(CHANNEL, body, sent=pour()))

    async def test_a_body_that_does_not_arrive_in_time_is_refused(self, dip: Dip):
        async with Participant(dip.credentials / DATA, dip.strict_base) as caller:
            head = write_call(CHANNEL, b"[", {**caller.sign(CHANNEL, b""), "Content-Length": "1000"})
            async with dip.creating_nothing(), connect(port_of(dip.strict_base), caller.tls) as (reader, writer):
                writer.write(head)
                answer = await read_all(reader)
        assert_is_whole_refusal(answer, 408, "did not arrive in time")

    async def test_a_body_that_ends_early_creates_nothing(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft()])
        async with dip.creating_nothing():
            async with connect(dip.port, caller.tls) as (_, writer):
                writer.write(write_call(CHANNEL, body, caller.sign(CHANNEL, body))[:-1])
                await writer.drain()
            # The same API has seen the end of that connection when it has answered on a later one.
            assert_accepted_nothing(await caller.call(CHANNEL, b"[]"))

    async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(self, dip: Dip):
        caller, body = dip.participants[DATA], encode_batch([draft()])
        async with connect(dip.port, caller.tls) as (reader, writer):
            more = {"Content-Length": str(len(body)), "Expect": "100-continue", "Connection": "close"}
            writer.write(write_call(CHANNEL, b"", {**caller.sign(CHANNEL, body), **more}))
            async with asyncio.timeout(60):
                assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
            writer.write(body)
            assert b"HTTP/1.1 201 Created" in await read_all(reader)


def port_of(base: str) -> int:
    return int(base.rpartition(":")[2])


def assert_is_whole_refusal(answer: bytes, status: int, says: str) -> None:
    """An answer, then the end of the connection: what else was sent on it cannot be understood any more."""
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert answer.lower().count(b"http/1.1") == 1
    assert b"connection: close" in answer.lower()
    assert says.encode() in answer


def assert_accepted_nothing(reply: object) -> None:
    assert getattr(reply, "status", None) == 400


async def test_no_answer_quotes_what_was_sent(dip: Dip):
    """The body of a message is personal: an answer tells where and what was expected, not what was there."""
    message = draft()
    message["payload"]["CommonBlock"]["M0"]["MPANCore"] = f"{MPANS[0]}9"
    message["payload"]["CustomBlock"]["Confidential"] = "Confidential-value"
    reply = await dip.participants[DATA].send("IF-021", [message])
    assert_refused(reply, 400, "MSG1001", "payload.CommonBlock.M0.MPANCore")
    assert MPANS[0].encode() not in reply.body
    assert b"Confidential-value" not in reply.body
