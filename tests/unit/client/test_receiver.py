"""A participant's webhooks over real TLS: what they take, what they answer, and whom they turn away."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from opendip.client.batches import ReceivedBatch, ReceivedStatuses
from opendip.client.credentials import Credentials
from opendip.client.receiver import Receiver
from opendip.client.signing import SIGNATURE, SIGNATURE_CERTIFICATE, SIGNATURE_DATE
from opendip.client.types import ResponseEntry, encode
from opendip.client.webhook import TryLater

from .deliveries import AT, Caller, calling_as, make_batch, make_message, make_transaction_id
from .subjects import AGENT, DIP, NOW, SUPPLIER


class Inbox:
    """Remembers what it was handed, and refuses what it was told to."""

    def __init__(self) -> None:
        self.batches: list[ReceivedBatch] = []
        self.statuses: list[ReceivedStatuses] = []
        self.refusals: dict[str, str] | None = None
        self.fault: Exception | None = None

    async def take(self, batch: ReceivedBatch) -> dict[str, str] | None:
        if self.fault is not None:
            raise self.fault
        self.batches.append(batch)
        return self.refusals

    async def take_statuses(self, statuses: ReceivedStatuses) -> None:
        self.statuses.append(statuses)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest_asyncio.fixture
async def receiver(agent_directory: Path, inbox: Inbox) -> AsyncIterator[Receiver]:
    credentials = Credentials.load(agent_directory)
    async with Receiver(
        credentials, on_messages=inbox.take, on_status=inbox.take_statuses, clock=lambda: NOW
    ) as receiver:
        yield receiver


@pytest_asyncio.fixture
async def dip(dip_directory: Path) -> AsyncIterator[Caller]:
    async with calling_as(Credentials.load(dip_directory)) as caller:
        yield caller


async def test_a_batch_is_handed_over_and_every_message_acknowledged(receiver: Receiver, inbox: Inbox, dip: Caller):
    status, answer = await dip.deliver(f"{receiver.url}/messages", make_batch(3))
    [batch] = inbox.batches
    assert status == 201
    assert answer is not None
    assert batch.transaction_ids == [make_transaction_id(n) for n in range(3)]
    assert [entry.transactionID for entry in answer.messageArray] == batch.transaction_ids
    assert {entry.message for entry in answer.messageArray} == {"RCP0000 - Message Success"}
    first = answer.messageArray[0]
    assert (first.senderID, first.recipientID) == (AGENT.dip_id, SUPPLIER.dip_id)
    assert first.senderUniqueReference == batch.headers[0].sender_unique_reference
    assert len(first.sentTimestamp) == len(answer.timestamp) == 25


async def test_a_batch_says_what_it_is_and_keeps_the_messages_bytes(receiver: Receiver, inbox: Inbox, dip: Caller):
    body = make_batch(2)
    await dip.deliver(f"{receiver.url}/messages", body, headers={"X-DIP-MPO": "Careful Meters"})
    [batch] = inbox.batches
    header = batch.headers[1]
    assert (batch.publication_id, batch.interface_id, len(batch)) == ("PUB-021", "IF-021", 2)
    assert (header.event_code, header.sender_dip_id, header.is_replay) == (
        "ActivePower",
        SUPPLIER.dip_id,
        False,
    )
    assert header.correlation_id is None
    assert batch.body == body
    assert batch.decode()[1] == make_message(1) == msgspec.json.decode(batch.list_raw()[1])
    assert batch.delivery.signer.subject == DIP
    assert batch.delivery.mpo == "Careful Meters"
    assert batch.delivery.received_at == NOW


async def test_refused_messages_are_answered_one_by_one(receiver: Receiver, inbox: Inbox, dip: Caller):
    inbox.refusals = {make_transaction_id(1): "REG1020 - Meter Install Date in the future"}
    status, answer = await dip.deliver(f"{receiver.url}/messages", make_batch(3))
    assert status == 207
    assert answer is not None
    assert [entry.code for entry in answer.messageArray] == ["RCP0000", "REG1020", "RCP0000"]


async def test_a_long_reason_is_cut_to_what_the_wire_allows(receiver: Receiver, inbox: Inbox, dip: Caller):
    inbox.refusals = {make_transaction_id(0): "REG1020 - " + "x" * 900}
    _, answer = await dip.deliver(f"{receiver.url}/messages", make_batch(1))
    assert answer is not None
    [entry] = answer.messageArray
    assert (len(entry.message or ""), len(entry.help or "")) == (200, 500)


async def test_status_messages_are_handed_over_and_acknowledged(receiver: Receiver, inbox: Inbox, dip: Caller):
    entry = ResponseEntry("T-1", "S-1", None, AT, DIP.dip_id, AGENT.dip_id, None, "MSG1037 - Unresolved")
    status, answer = await dip.deliver(f"{receiver.url}/status", encode([entry]))
    assert status == 201
    assert inbox.statuses[0].entries == [entry]
    assert answer is not None
    assert (answer.messageArray[0].transactionID, answer.messageArray[0].code) == ("T-1", "RCP0000")


async def test_every_name_of_this_machine_is_its_public_url(receiver: Receiver, dip: Caller):
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        status, _ = await dip.deliver(f"https://{host}:{receiver.port}/messages", make_batch(1))
        assert status == 201


async def test_behind_a_proxy_the_public_url_is_the_one_that_is_signed(
    agent_directory: Path, dip: Caller, inbox: Inbox
):
    receiver = Receiver(
        Credentials.load(agent_directory),
        on_messages=inbox.take,
        public_url="https://agent.example/dip",
        clock=lambda: NOW,
    )
    async with receiver:
        called = f"https://127.0.0.1:{receiver.port}/messages"
        signed = "https://agent.example/dip/messages"
        assert receiver.url == "https://agent.example/dip"
        assert (await dip.deliver(called, make_batch(1), signed_url=signed))[0] == 201
        assert (await dip.deliver(called, make_batch(1)))[0] == 400


async def test_each_path_has_its_own_handler(agent_directory: Path, dip: Caller):
    inboxes = {"/if-021": Inbox(), "/if-047": Inbox()}
    receiver = Receiver(Credentials.load(agent_directory), clock=lambda: NOW)
    for path, inbox in inboxes.items():
        receiver.add_messages(path, inbox.take, recipient_id=SUPPLIER.dip_id)
    async with receiver:
        status, answer = await dip.deliver(f"{receiver.url}/if-047", make_batch(1))
        missing, _ = await dip.deliver(f"{receiver.url}/messages", make_batch(1))
    assert (status, missing) == (201, 404)
    assert [len(inbox.batches) for inbox in inboxes.values()] == [0, 1]
    assert answer is not None
    assert answer.messageArray[0].senderID == SUPPLIER.dip_id


def assert_signature_refused(status: int, answer, inbox: Inbox, words: str) -> None:
    assert status == 400
    [entry] = answer.messageArray
    assert entry.message == "RCP9999 - Message Signature Invalid"
    assert words in entry.help
    assert entry.transactionID is None
    assert inbox.batches == []


async def test_a_changed_body_is_refused(receiver: Receiver, inbox: Inbox, dip: Caller):
    answer = await dip.deliver(f"{receiver.url}/messages", make_batch(2), signed_body=make_batch(1))
    assert_signature_refused(*answer, inbox, "content hash")


async def test_a_delivery_meant_for_another_webhook_is_refused(receiver: Receiver, inbox: Inbox, dip: Caller):
    answer = await dip.deliver(f"{receiver.url}/messages", make_batch(1), signed_url="https://other.example/messages")
    assert_signature_refused(*answer, inbox, "lower case")


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_date_far_from_the_clock_is_refused(receiver: Receiver, inbox: Inbox, dip: Caller, minutes: int):
    signed_at = NOW + timedelta(minutes=minutes)
    answer = await dip.deliver(f"{receiver.url}/messages", make_batch(1), signed_at=signed_at)
    assert_signature_refused(*answer, inbox, "300 seconds")


@pytest.mark.parametrize(
    ("header", "value", "words"),
    [
        (SIGNATURE, "", "missing"),
        (SIGNATURE, "A" * 344, "does not match"),
        (SIGNATURE_DATE, "yesterday", "UTC time"),
        (SIGNATURE_CERTIFICATE, "QUJD", "one PEM certificate"),
        (SIGNATURE_CERTIFICATE, "A" * 16_000, "one PEM certificate"),
    ],
)
async def test_spoilt_signature_headers_are_refused(
    receiver: Receiver, inbox: Inbox, dip: Caller, header: str, value: str, words: str
):
    answer = await dip.deliver(f"{receiver.url}/messages", make_batch(1), headers={header: value})
    assert_signature_refused(*answer, inbox, words)


async def test_headers_too_large_for_any_certificate_are_refused(receiver: Receiver, dip: Caller):
    status, _ = await dip.deliver(
        f"{receiver.url}/messages", make_batch(1), headers={SIGNATURE_CERTIFICATE: "A" * 20_000}
    )
    assert status == 400


async def test_what_a_participant_signed_is_not_the_dips(
    receiver: Receiver, inbox: Inbox, dip: Caller, supplier_directory: Path
):
    supplier = Credentials.load(supplier_directory)
    answer = await dip.deliver(f"{receiver.url}/messages", make_batch(1), signed_by=supplier)
    assert_signature_refused(*answer, inbox, "not by the DIP")


async def test_what_a_stranger_signed_is_refused(
    receiver: Receiver, inbox: Inbox, dip: Caller, stranger_directory: Path
):
    stranger = Credentials.load(stranger_directory)
    answer = await dip.deliver(f"{receiver.url}/messages", make_batch(1), signed_by=stranger)
    assert_signature_refused(*answer, inbox, "None of this environment's signing authorities")


async def test_a_participant_may_not_call_even_with_what_the_dip_signed(
    receiver: Receiver, inbox: Inbox, dip_directory: Path, supplier_directory: Path
):
    async with calling_as(Credentials.load(supplier_directory)) as supplier:
        signed_by = Credentials.load(dip_directory)
        status, _ = await supplier.deliver(f"{receiver.url}/messages", make_batch(1), signed_by=signed_by)
    assert status == 403
    assert inbox.batches == []


async def test_a_caller_without_a_certificate_gets_no_answer(receiver: Receiver, agent_directory: Path):
    import ssl

    context = ssl.create_default_context(cafile=agent_directory / "ca.pem")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{receiver.url}/messages", data=b"[]")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[{}]",
        b"not json",
        b'[{"payload":{"CommonBlock":{"S0":{},"S1":{},"D0":{"transactionID":2000000000006}}}}]',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_batch_is_refused_without_quoting_it(
    receiver: Receiver, inbox: Inbox, dip: Caller, body: bytes
):
    status, answer = await dip.deliver(f"{receiver.url}/messages", body)
    assert status == 400
    assert answer is not None
    assert answer.messageArray[0].code == "RCP1001"
    assert "2000000000006" not in (answer.messageArray[0].help or "")
    assert inbox.batches == []


async def test_a_body_larger_than_agreed_is_refused(agent_directory: Path, dip: Caller, inbox: Inbox):
    receiver = Receiver(
        Credentials.load(agent_directory), on_messages=inbox.take, max_body_bytes=10_000, clock=lambda: NOW
    )
    async with receiver:
        url = f"{receiver.url}/messages"
        assert (await dip.deliver(url, make_batch(1)))[0] == 201
        assert (await dip.deliver(url, make_batch(5)))[0] == 413
    assert len(inbox.batches) == 1


async def test_a_handler_can_ask_for_the_same_again_later(receiver: Receiver, inbox: Inbox, dip: Caller):
    inbox.fault = TryLater(429, timedelta(seconds=7))
    url, body = f"{receiver.url}/messages", make_batch(1)
    headers = dip.credentials.sign("POST", url, body, NOW)
    async with dip.session.post(url, data=body, headers=headers) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
    inbox.fault = None
    assert (await dip.deliver(url, body))[0] == 201


async def test_a_handler_that_fails_is_asked_again_and_its_words_are_not_logged(
    receiver: Receiver, inbox: Inbox, dip: Caller, caplog: pytest.LogCaptureFixture
):
    inbox.fault = KeyError("2000000000006")
    with caplog.at_level(logging.DEBUG):
        status, _ = await dip.deliver(f"{receiver.url}/messages", make_batch(1))
    assert status == 500
    assert "KeyError" in caplog.text
    assert "2000000000006" not in caplog.text


async def test_refusals_leave_no_secret_in_the_log(
    receiver: Receiver, dip: Caller, caplog: pytest.LogCaptureFixture, inbox: Inbox
):
    signature = dip.credentials.sign("POST", f"{receiver.url}/other", b"", NOW)[SIGNATURE]
    with caplog.at_level(logging.DEBUG):
        await dip.deliver(f"{receiver.url}/messages", make_batch(1), headers={SIGNATURE: signature})
    assert "does not match" in caplog.text
    assert signature not in caplog.text
