"""Calling the DIP over real TLS: what is sent, what is sent again, and what is told when it does not mend."""

import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from opendip.client import signing
from opendip.client.certificates import UntrustedCertificate
from opendip.client.credentials import Credentials, UnusableCredentials
from opendip.client.retrying import Patience
from opendip.client.sender import GaveUp, Refused, Sender, UnusableUrl
from opendip.client.types import ResponseEntry
from opendip.client.verifying import verify_call

from .deliveries import AT, make_message
from .fake_dip import FakeDip, answer, make_entry
from .subjects import NOW, SUPPLIER


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def read(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def dip(fake_dip: FakeDip) -> FakeDip:
    return fake_dip


@pytest.fixture
def time() -> Time:
    return Time()


@pytest_asyncio.fixture
async def sender(supplier_directory: Path, dip: FakeDip, time: Time) -> AsyncIterator[Sender]:
    async with make_sender(supplier_directory, dip.url, time) as sender:
        yield sender


def make_sender(directory: Path, url: str, time: Time, patience: Patience | None = None) -> Sender:
    credentials = Credentials.load(directory)
    return Sender(
        credentials,
        url,
        patience=patience or Patience(max_attempts=4),
        clock=time.read,
        sleep=time.sleep,
        random=Random(1),
    )


async def test_messages_are_sent_signed_with_the_api_key(sender: Sender, dip: FakeDip, supplier_directory: Path):
    got = await sender.send("IF-021", [make_message(1)])
    [call] = dip.calls
    assert (got.status, got.timestamp, got.refusals) == (201, AT, [])
    assert call.url == f"{dip.url}/2.1.0/dip-channel/IF-021"
    assert msgspec.json.decode(call.body) == [make_message(1)]
    assert call.headers["X-API-Key"] == "key-of-supplier"
    headers = signing.read_signature_headers(call.headers)
    signer = Credentials.load(supplier_directory).trust.get_signer(headers.certificate, NOW)
    body_hash = signing.content_hash(call.body)
    verify_call(headers, "POST", [call.url], content_hash=body_hash, key=signer.public_key, now=NOW)
    assert signer.subject == SUPPLIER


async def test_a_body_of_bytes_is_sent_as_it_is(sender: Sender, dip: FakeDip):
    body = b'[ {"payload": 1.50} ]'
    await sender.send("IF-021", body)
    assert dip.calls[0].body == body
    await sender.send("IF-021", [msgspec.Raw(b'{"payload": 1.50}')])
    assert dip.calls[1].body == b'[{"payload": 1.50}]'


async def test_some_refused_is_an_answer(sender: Sender, dip: FakeDip):
    duplicate = make_entry("MSG1006 - Sender Unique Reference Duplicated")
    dip.answers = [answer(207, make_entry(), duplicate)]
    got = await sender.send("IF-021", [make_message(1), make_message(2)])
    assert (got.status, got.refusals) == (207, [duplicate])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 413, 505, 301])
async def test_what_will_not_mend_is_told_at_once(sender: Sender, dip: FakeDip, time: Time, status: int):
    dip.answers = [answer(status, make_entry("MSG1001 - Schema Failure"))]
    with pytest.raises(Refused, match="MSG1001 - Schema Failure") as refused:
        await sender.send("IF-021", [{}])
    assert (refused.value.status, len(refused.value.entries), len(dip.calls)) == (status, 1, 1)
    assert time.slept == []


async def test_a_refusal_says_what_to_do(sender: Sender, dip: FakeDip):
    entries = [make_entry("MSG1001 - Schema Failure") for _ in range(9)]
    for number, entry in enumerate(entries):
        entry.help = "x" * 9000 if number == 2 else f"Mend place {number // 2}."
    dip.answers = [answer(400, *entries)]
    with pytest.raises(Refused) as refused:
        await sender.send("IF-021", [{}])
    start, _, rest = str(refused.value).partition(" Mend place 0. ")
    assert start == "The DIP refused the call with status 400: MSG1001 - Schema Failure."
    assert rest == f"{'x' * 500} Mend place 1."


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_may_mend_is_called_again_as_the_same_call(sender: Sender, dip: FakeDip, status: int):
    dip.answers = [answer(status), answer(status), answer(201, make_entry())]
    assert (await sender.send("IF-021", [make_message(1)])).status == 201
    assert len(dip.calls) == 3
    assert len({call.headers["X-DIP-Signature"] for call in dip.calls}) == 1
    assert len({call.body for call in dip.calls}) == 1


async def test_a_lost_connection_is_tried_again_as_the_same_call(sender: Sender, dip: FakeDip):
    dip.answers = [None, None, answer(201, make_entry())]
    assert (await sender.send("IF-021", [make_message(1)])).status == 201
    assert len({call.headers["X-DIP-Signature"] for call in dip.calls}) == 1


async def test_a_call_is_signed_again_once_its_date_would_be_too_old(sender: Sender, dip: FakeDip, time: Time):
    def answer_after_an_outage() -> web.StreamResponse:
        time.now += timedelta(minutes=10)
        return web.Response(status=503)

    dip.answers = [answer_after_an_outage, answer(201, make_entry())]
    await sender.send("IF-021", [make_message(1)])
    dates = [signing.parse_signature_date(call.headers["X-DIP-Signature-Date"]) for call in dip.calls]
    assert dates[1] - dates[0] >= timedelta(minutes=10)


async def test_retry_after_is_waited_for(sender: Sender, dip: FakeDip, time: Time):
    dip.answers = [lambda: web.Response(status=429, headers={"Retry-After": "17"}), answer(201, make_entry())]
    await sender.send("IF-021", [make_message(1)])
    assert 17 <= time.slept[0] <= 18


async def test_patience_ends_with_advice(sender: Sender, dip: FakeDip, time: Time):
    dip.answers = [answer(503)]
    with pytest.raises(GaveUp, match=r"answered 503.*attempt 4.*send the same again"):
        await sender.send("IF-021", [make_message(1)])
    assert len(dip.calls) == 4
    assert len(time.slept) == 3


async def test_a_dip_that_is_not_there_ends_patience_too(supplier_directory: Path, time: Time):
    async with make_sender(supplier_directory, "https://127.0.0.1:1", time) as sender:
        with pytest.raises(GaveUp, match="Nobody answers"):
            await sender.send("IF-021", [make_message(1)])


async def test_a_webhook_is_set_and_deleted(sender: Sender, dip: FakeDip):
    dip.answers = [answer(201), answer(201), answer(204)]
    await sender.set_webhook("IF-021", "https://supplier.example/m", max_message_count=100, max_payload_kb=5000)
    await sender.set_webhook("REP-002A", "https://supplier.example/m", recipient_id="1309012345")
    await sender.delete_webhook("IF-021")
    limited, plain, deleted = dip.calls
    assert limited.url == f"{dip.url}/2.1.0/dip-channel/IF-021/pubconfig/{SUPPLIER.dip_id}"
    assert msgspec.json.decode(limited.body) == {
        "callbackURL": "https://supplier.example/m",
        "maxMessageCount": 100,
        "maxPayloadSize": 5000,
    }
    assert plain.url.endswith("/dip-channel/REP-002A/pubconfig/1309012345")
    assert msgspec.json.decode(plain.body) == {"callbackURL": "https://supplier.example/m"}
    assert (deleted.method, deleted.body, deleted.url) == ("DELETE", b"", limited.url)
    assert deleted.headers["X-DIP-Content-Hash"] == signing.content_hash(b"")


async def test_a_webhook_is_given_a_rate_paused_and_resumed(sender: Sender, dip: FakeDip):
    dip.answers = [answer(201)] * 4
    await sender.set_webhook("IF-021", "https://supplier.example/m", max_message_rate=50)
    await sender.pause_webhook("IF-021")
    await sender.resume_webhook("IF-021")
    await sender.resume_webhook("IF-021", "1309012345")
    limited, *others = dip.calls
    path = f"{dip.url}/2.1.0/dip-channel/IF-021/pubconfig"
    assert msgspec.json.decode(limited.body)["maxMessageRate"] == 50
    assert [call.url for call in others] == [
        f"{path}/{SUPPLIER.dip_id}/pause",
        f"{path}/{SUPPLIER.dip_id}/resume",
        f"{path}/1309012345/resume",
    ]
    assert {(call.method, call.body) for call in others} == {("POST", b"")}


async def test_setting_a_paused_webhook_answers_that_it_stays_paused(sender: Sender, dip: FakeDip):
    entry = make_entry()
    entry.help = "It is paused, and stays so."
    dip.answers = [answer(201, entry)]
    calls = (
        sender.set_webhook("IF-021", "https://supplier.example/m"),
        sender.set_status_webhook("https://s.example/s"),
    )
    assert [(await call).entries[0].help for call in calls] == [entry.help] * 2


async def test_a_status_webhook_is_given_a_rate_paused_and_resumed(sender: Sender, dip: FakeDip):
    dip.answers = [answer(201)] * 3
    await sender.set_status_webhook("https://supplier.example/s", max_message_rate=50)
    await sender.pause_status_webhook()
    await sender.resume_status_webhook("1309012345")
    limited, paused, resumed = dip.calls
    assert msgspec.json.decode(limited.body)["maxMessageRate"] == 50
    assert paused.url == f"{dip.url}/2.1.0/statusmessage/config/{SUPPLIER.dip_id}/pause"
    assert resumed.url == f"{dip.url}/2.1.0/statusmessage/config/1309012345/resume"


async def test_a_status_webhook_is_set_and_deleted(sender: Sender, dip: FakeDip):
    dip.answers = [answer(201), answer(204)]
    await sender.set_status_webhook("https://supplier.example/s")
    await sender.delete_status_webhook()
    assert [call.method for call in dip.calls] == ["POST", "DELETE"]
    assert {call.url for call in dip.calls} == {f"{dip.url}/2.1.0/statusmessage/config/{SUPPLIER.dip_id}"}


async def test_status_messages_are_sent(sender: Sender, dip: FakeDip):
    entry = make_entry("REG1020 - Meter Install Date in the future")
    await sender.send_statuses([entry])
    assert dip.calls[0].url == f"{dip.url}/2.1.0/statusmessage"
    assert msgspec.json.decode(dip.calls[0].body, type=list[ResponseEntry]) == [entry]


async def test_a_name_cannot_reach_beyond_its_place_in_the_path(sender: Sender, dip: FakeDip):
    await sender.send("../statusmessage?x=", b"[]")
    assert dip.calls[0].url == f"{dip.url}/2.1.0/dip-channel/..%2Fstatusmessage%3Fx%3D"


async def test_a_dip_of_another_environment_is_not_believed(stranger_directory: Path, dip: FakeDip, time: Time):
    async with make_sender(stranger_directory, dip.url, time) as sender:
        with pytest.raises(UntrustedCertificate, match=r"Check the address.*ca\.pem"):
            await sender.send("IF-021", [make_message(1)])
    assert time.slept == []


async def test_a_certificate_the_dip_does_not_know_never_gets_through(
    stranger_directory: Path, supplier_directory: Path, tmp_path: Path, dip: FakeDip, time: Time
):
    directory = Path(shutil.copytree(stranger_directory, tmp_path / "mixed"))
    shutil.copy(supplier_directory / "ca.pem", directory)
    async with make_sender(directory, dip.url, time) as sender:
        with pytest.raises((UntrustedCertificate, GaveUp), match=r"tls\.pem"):
            await sender.send("IF-021", [make_message(1)])
    assert dip.calls == []


async def test_a_dip_under_another_name_is_not_believed(
    supplier_directory: Path, agent_directory: Path, time: Time, dip: FakeDip
):
    async with make_sender(supplier_directory, dip.url.replace("127.0.0.1", "127.0.0.2"), time) as sender:
        with pytest.raises((UntrustedCertificate, GaveUp)):
            await sender.send("IF-021", [make_message(1)])
    assert dip.calls == []


def test_a_sender_needs_an_api_key(supplier_directory: Path, tmp_path: Path):
    directory = Path(shutil.copytree(supplier_directory, tmp_path / "no-key"))
    (directory / "api-key.txt").unlink()
    with pytest.raises(UnusableCredentials, match=r"api-key\.txt is missing"):
        Sender(Credentials.load(directory), "https://127.0.0.1:8443")


async def test_a_sender_that_was_not_entered_says_so(supplier_directory: Path, time: Time):
    with pytest.raises(RuntimeError, match="async with"):
        await make_sender(supplier_directory, "https://127.0.0.1:8443", time).send("IF-021", b"[]")


@pytest.mark.parametrize("url", ["nowhere", "http://127.0.0.1:8443", "127.0.0.1:8443", "https://127.0.0.1/path"])
def test_nothing_is_sent_to_what_is_not_the_https_url_of_a_dip(supplier_directory: Path, time: Time, url: str):
    with pytest.raises(UnusableUrl, match="is not the URL of a DIP"):
        make_sender(supplier_directory, url, time)


async def test_errors_quote_no_secret(sender: Sender, dip: FakeDip):
    dip.answers = [answer(401)]
    with pytest.raises(Refused) as refused:
        await sender.send("IF-021", [make_message(1)])
    assert "key-of-supplier" not in f"{refused.value!r} {refused.value}"
    assert "key-of-supplier" not in repr(vars(sender))
