"""Messages again: the client goes on until there is no more, and tells a requeue from one in the background."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest_asyncio
from aiohttp import web

from opendip.client import (
    Credentials,
    ReplayRequest,
    RequeueStatus,
    Sender,
    StatusReplayRequest,
    content_hash,
    verify_call,
)
from opendip.client.signing import read_signature_headers

from .deliveries import make_batch
from .fake_dip import FakeDip, make_entry
from .subjects import NOW, SUPPLIER

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
TOKEN = "00000000-0000-8000-8000-000000000001"


def give(status: int, body: object = b"", **headers: str) -> Callable[[], web.StreamResponse]:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda: web.Response(status=status, body=data, headers=named, content_type="application/json")


@pytest_asyncio.fixture
async def sender(supplier_directory: Path, fake_dip: FakeDip) -> AsyncIterator[Sender]:
    async with Sender(Credentials.load(supplier_directory), fake_dip.url, clock=lambda: NOW) as sender:
        yield sender


async def test_it_goes_on_with_the_same_request_until_there_is_no_more(sender: Sender, fake_dip: FakeDip) -> None:
    fake_dip.answers = [give(206, make_batch(2), X_Continuation_Token=TOKEN), give(200, make_batch(1))]
    request = ReplayRequest(since=NOON, mpan="2000000000006", event_code="ActivePower", transaction_ids=("a", "b"))
    batches = [batch async for batch in sender.replay("IF-021", request)]
    assert [len(batch) for batch in batches] == [2, 1]
    assert batches[0].transaction_ids == [header.first_transaction_id for header in batches[0].headers]
    first, second = fake_dip.calls
    assert first.url == f"{fake_dip.url}/2.1.0/dip-channel/IF-021/replay/{SUPPLIER.dip_id}"
    assert msgspec.json.decode(first.body) == {
        "datetimeFrom": "2026-03-21T12:00:00+00:00",
        "datetimeTo": None,
        "eventCode": "ActivePower",
        "MPAN": "2000000000006",
        "version": None,
        "transactionIDs": ["a", "b"],
    }
    assert second.body == first.body
    assert "X-Continuation-Token" not in first.headers
    assert second.headers["X-Continuation-Token"] == TOKEN


async def test_a_request_shows_no_metering_point() -> None:
    assert "2000000000006" not in repr(ReplayRequest(mpan="2000000000006"))


async def test_a_requeue_is_done_or_has_an_id_to_ask_about(sender: Sender, fake_dip: FakeDip) -> None:
    fake_dip.answers = [give(200, {}), give(202, {"requeueId": TOKEN})]
    assert await sender.requeue("IF-021", ReplayRequest(transaction_ids=("a",)), "1400000011") is None
    assert await sender.requeue("IF-021", ReplayRequest(since=NOON)) == TOKEN
    assert fake_dip.calls[0].url.endswith("/dip-channel/IF-021/requeue/1400000011")


async def test_how_far_it_has_come_is_asked_with_a_signed_query(sender: Sender, fake_dip: FakeDip) -> None:
    status = {"percentComplete": 50, "totalTransactions": 4, "processedTransactions": 2, "status": "Processing"}
    fake_dip.answers = [give(200, status), give(204)]
    assert await sender.get_requeue_status("IF-021", TOKEN) == RequeueStatus(50, 4, 2, "Processing")
    assert await sender.get_requeue_status("IF-021") is None
    call = fake_dip.calls[0]
    assert (call.method, call.body) == ("GET", b"")
    assert call.url.endswith(f"/requeueStatus/{SUPPLIER.dip_id}?requeue-id={TOKEN}")
    headers = read_signature_headers(call.headers)
    signer = fake_dip.credentials.trust.get_signer(headers.certificate, NOW)
    verify_call(headers, "GET", [call.url], content_hash=content_hash(b""), key=signer.public_key, now=NOW)


async def test_status_messages_have_paths_of_their_own(sender: Sender, fake_dip: FakeDip) -> None:
    request = StatusReplayRequest(NOON, NOON, correlation_id="CI-1")
    fake_dip.answers = [give(200, [make_entry()]), give(202, {"requeueId": TOKEN}), give(204)]
    assert [entries async for entries in sender.replay_statuses(request)] == [[make_entry()]]
    assert await sender.requeue_statuses(request) == TOKEN
    assert await sender.get_status_requeue_status(TOKEN) is None
    paths = [call.url.partition("/2.1.0")[2].partition("?")[0] for call in fake_dip.calls]
    assert paths == [f"/statusmessage/{what}/{SUPPLIER.dip_id}" for what in ("replay", "requeue", "requeueStatus")]
    assert msgspec.json.decode(fake_dip.calls[0].body)["correlationID"] == "CI-1"
