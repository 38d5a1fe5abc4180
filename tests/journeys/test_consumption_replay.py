"""An advanced data service asks for what its predecessors sent and were sent, and gets exactly that (E2E 5.1.7)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest_asyncio

from opendip.catalogue import compile_channel, list_faults
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.pool import open_pool
from tests.conftest import create_database, drop_database, url_of
from tests.journeys.answers import load_release
from tests.journeys.conftest import make_home, stop_all
from tests.journeys.drafts import get_reference
from tests.journeys.evidence import prove_evidence
from tests.journeys.inboxes import Arrival, Inbox, take_all
from tests.journeys.participants import Participant
from tests.journeys.processes import DipProcess, find_free_port
from tests.journeys.replaying import (
    ASKING,
    DIP_ID,
    EARLIER,
    LONG_MPAN,
    MPAN,
    NEW,
    OLD,
    ORPHAN_MPAN,
    OTHER_MPAN,
    PARTICIPANTS,
    QUIET_MPAN,
    SETTLEMENT,
    STRANGER,
    SUPPLY_START,
    ReplayingDip,
    apply,
    consumption,
    defaulted,
    list_firsts,
)
from tests.journeys.waiting import eventually

SEED = 20260321
KILLS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def replaying(postgres: EmbeddedPostgres, open_directory: Path) -> AsyncIterator[ReplayingDip]:
    name = await create_database(postgres)
    url, port = url_of(postgres, name), find_free_port()
    place = open_directory / "replaying"
    place.mkdir()
    home, credentials = place / "home", place / "credentials"
    await make_home(home, url, port)
    await apply(home, credentials, {}, url)
    api = DipProcess("api", home, place / "api.log")
    workers = [DipProcess("worker", home, place / f"worker-{number}.log") for number in (1, 2)]
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(url, "dip replays"))
        dip = ReplayingDip(home, url, pool, workers)
        stack.push_async_callback(stop_all, [api, *workers])
        for process in (api, *workers):
            process.launch()
        for dip_id in ASKING:
            dip.inboxes[dip_id] = Inbox(credentials / dip_id)
            await stack.enter_async_context(dip.inboxes[dip_id].receiver)
        await apply(home, credentials, {dip_id: inbox.receiver.port for dip_id, inbox in dip.inboxes.items()}, url)
        for dip_id in PARTICIPANTS:
            caller = Participant(credentials / dip_id, f"https://127.0.0.1:{port}")
            dip.participants[dip_id] = await stack.enter_async_context(caller)
        for process in (api, *workers):
            await process.wait_until_ready()
        yield dip
        for worker in workers:
            log = worker.read_log()
            for word in ("Traceback", "20000003", "not_replayed", "delivery_broken"):
                assert word not in log, log[-4000:]
    await drop_database(postgres, name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wanted(replaying: ReplayingDip) -> list[dict[str, Any]]:
    """What NEW is to get of MPAN, in order; sent among much that it is not to get."""
    dip = replaying
    others = [
        (EARLIER, consumption(EARLIER, "2025-10-09")),
        (OLD, consumption(OLD, SUPPLY_START)),
        (OLD, consumption(OLD, "2026-01-15", mpan=OTHER_MPAN)),
        (OLD, consumption(OLD, "2026-01-15", role="SDS")),
        (NEW, consumption(NEW, "2026-01-15")),
        (STRANGER, consumption(STRANGER, "2026-01-15")),
        (SETTLEMENT, defaulted(NEW, "2026-01-15")),
        (SETTLEMENT, defaulted(OLD, "2025-10-09")),
        (SETTLEMENT, defaulted(OLD, "2026-01-15", OTHER_MPAN)),
    ]
    chosen = [
        (EARLIER, consumption(EARLIER, "2025-10-10")),
        (EARLIER, consumption(EARLIER, "2025-11-30", event="ReactivePower")),
        (OLD, consumption(OLD, "2026-01-15")),
        (SETTLEMENT, defaulted(OLD, "2026-01-15")),
        (OLD, consumption(OLD, "2026-02-09", SUPPLY_START)),
        (SETTLEMENT, defaulted(EARLIER, "2025-10-10")),
        (OLD, consumption(OLD, "2026-01-15")),
    ]
    unlike = list(others)
    for sender, message in chosen:
        if unlike:
            await send_one(dip, *unlike.pop())
        await send_one(dip, sender, message)
    for sender, message in unlike:
        await send_one(dip, sender, message)
    await dip.wait_until_answered()
    return [message for _, message in chosen]


async def send_one(dip: ReplayingDip, sender: str, message: dict[str, Any]) -> None:
    channel = message["payload"]["CommonBlock"]["S0"]["interfaceID"]
    await dip.send(sender, channel, message)


async def test_the_new_data_service_gets_what_its_predecessors_sent_and_were_sent(
    replaying: ReplayingDip, wanted: list[dict[str, Any]]
) -> None:
    request = await replaying.ask(NEW, MPAN, correlation_id="CI-20260321-00aF")
    answers = await replaying.get_answers(NEW, request)
    assert list_firsts(answers) == [get_reference(message) for message in wanted]
    for answer, first in zip(answers, wanted, strict=True):
        common, sent = answer.common, first["payload"]["CommonBlock"]
        assert (common["S2"], common["M0"]) == (sent["S1"], sent["M0"])
        assert answer.message["payload"]["CustomBlock"] == first["payload"]["CustomBlock"]
        assert common["S0"]["eventCode"] == sent["S0"]["eventCode"]
        assert common["R1"] == {"responseCode": "A", "responseMessages": []}
        assert (common["S1"]["senderDIPID"], common["S1"]["senderCorrelationID"]) == (DIP_ID, "CI-20260321-00aF")
        assert (common["D0"]["publicationID"], common["D0"]["replayIndicator"]) == ("PUB-016", False)
        assert common["A0"] == {"primaryRecipients": [NEW], "secondaryRecipients": [], "always": []}
        assert answer.mpo == f"{NEW};ADS"


async def test_every_answer_is_valid_on_its_channel_and_its_evidence_verifies(
    replaying: ReplayingDip, wanted: list[dict[str, Any]]
) -> None:
    answers = await replaying.get_answers(NEW, await replaying.ask(NEW, MPAN))
    refused = await replaying.get_answers(STRANGER, await replaying.ask(STRANGER, MPAN))
    release = load_release()
    channel = release.channels["IF-016"]
    decoder = compile_channel(channel, release)
    assert (len(answers), len(refused)) == (len(wanted), 1)
    for answer in (*answers, *refused):
        raw = msgspec.json.encode(answer.message)
        decoder.decode(raw)
        assert list_faults(channel, release, raw) == []
    assert await prove_evidence(replaying.database_url, replaying.home) >= len(wanted)


async def test_who_is_not_the_data_service_is_refused_and_gets_nothing_else(
    replaying: ReplayingDip, wanted: list[dict[str, Any]]
) -> None:
    """A stranger, one that was, and one that asks about a metering point that nobody knows."""
    for asker, mpan in ((STRANGER, MPAN), (OLD, MPAN), (NEW, "2000000399999")):
        [answer] = await replaying.get_answers(asker, await replaying.ask(asker, mpan))
        assert_rejected(answer, "RCP1009", mpan)


def assert_rejected(answer: Arrival, code: str, mpan: str) -> None:
    assert answer.common["S0"]["eventCode"] == "[ConsumptionRequestRejected]"
    response = answer.common["R1"]
    assert response["responseCode"] == "R"
    assert response["responseMessages"][0].startswith(f"{code} - ")
    assert answer.common["M0"]["MPANCore"] == mpan
    assert "CustomBlock" not in answer.message["payload"]


async def test_without_a_supply_or_without_anything_kept_the_request_is_rejected(replaying: ReplayingDip) -> None:
    for mpan, code in ((ORPHAN_MPAN, "RCP1061"), (QUIET_MPAN, "RCP1062")):
        [answer] = await replaying.get_answers(NEW, await replaying.ask(NEW, mpan))
        assert_rejected(answer, code, mpan)


async def test_the_same_request_under_another_reference_is_answered_again(
    replaying: ReplayingDip, wanted: list[dict[str, Any]]
) -> None:
    requests = [await replaying.ask(NEW, MPAN) for _ in range(2)]
    for request in requests:
        answers = await replaying.get_answers(NEW, request)
        assert list_firsts(answers) == [get_reference(message) for message in wanted]


async def test_an_answer_the_recipient_refuses_is_told_to_the_operator(
    replaying: ReplayingDip, wanted: list[dict[str, Any]]
) -> None:
    """The DIP is its sender, so the status message is the DIP's own to read."""

    async def refuse(batch: Any) -> dict[str, str]:
        return {header.transaction_id: "RCP1061 - MPAN Invalid or Unknown" for header in batch.headers}

    replaying.inboxes[STRANGER].answering = refuse
    await replaying.ask(STRANGER, MPAN)

    def is_told() -> bool:
        return any('"event": "answer_refused"' in w.read_log() and "RCP1061" in w.read_log() for w in replaying.workers)

    await eventually(is_told, "the refusal is in a log")
    replaying.inboxes[STRANGER].answering = take_all


async def test_workers_that_are_killed_lose_no_request_and_answer_none_twice(replaying: ReplayingDip) -> None:
    """Answers of more than one submission, so that deaths fall into their midst too."""
    dip, random = replaying, Random(SEED)
    history = [consumption(OLD, "2026-01-15", mpan=LONG_MPAN) for _ in range(1_100)]
    for first in range(0, len(history), 100):
        await dip.send(OLD, "IF-021", *history[first : first + 100])
    await dip.wait_until_answered()
    requests = []
    for number in range(KILLS):
        requests += [await dip.ask(NEW, LONG_MPAN) for _ in range(3)]
        worker = dip.workers[number % 2]
        await worker.wait_until_ready()
        await asyncio.sleep(random.random() / 3)
        await worker.kill()
        worker.launch()
    for worker in dip.workers:
        await worker.wait_until_ready()
    await dip.wait_until_answered()
    for request in requests:
        assert list_firsts(dip.list_answers(NEW, request)) == [get_reference(message) for message in history]
    assert await prove_evidence(dip.database_url, dip.home) > len(requests)
