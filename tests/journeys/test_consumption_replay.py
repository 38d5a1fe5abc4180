"""An advanced data service asks for what its predecessors sent and were sent, and gets exactly that (E2E 5.1.7)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest_asyncio

from opendip.catalogue import compile_channel, list_faults
from opendip.operations.markets import apply_market_to_home
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.pool import Pool, open_pool
from tests.conftest import create_database, drop_database, url_of
from tests.journeys.answers import assert_accepted, load_release
from tests.journeys.conftest import make_home, stop_all
from tests.journeys.drafts import draft, get_reference
from tests.journeys.evidence import prove_evidence
from tests.journeys.inboxes import Arrival, Inbox, take_all
from tests.journeys.participants import Participant
from tests.journeys.processes import DipProcess, find_free_port
from tests.journeys.waiting import eventually

EARLIER, OLD, NEW = "1400000111", "1400000129", "1400000137"
"""Three advanced data services, one after the other; OLD is a smart one too."""
STRANGER = "1400000145"
SETTLEMENT = "1800000101"
SUPPLIER, NEW_SUPPLIER = "2300000112", "2300000120"
DIP_ID = "0000000000"

MPAN, OTHER_MPAN, LONG_MPAN, ORPHAN_MPAN, QUIET_MPAN = (str(2000000300000 + 7 * n) for n in range(5))
SUPPLY_START = "2026-02-10"
SEED = 20260321
KILLS = 6

PARTICIPANTS = {
    EARLIER: ("Example Metering Data Ltd", "EXED", "[ADS]"),
    OLD: ("Example Old Data Ltd", "EXOD", "[ADS, SDS]"),
    NEW: ("Example New Data Ltd", "EXND", "[ADS]"),
    STRANGER: ("Example Strange Data Ltd", "EXSD", "[ADS]"),
    SETTLEMENT: ("Example Central Ltd", "EXCM", "[MDS]"),
    SUPPLIER: ("Example Supply Ltd", "EXSP", "[SUP]"),
    NEW_SUPPLIER: ("Example Energy Ltd", "EXNS", "[SUP]"),
}
ASKING = (OLD, NEW, STRANGER)


def write_market(directory: Path, ports: dict[str, int]) -> Path:
    lines = ["organisations:"]
    for dip_id, (name, mpid, roles) in PARTICIPANTS.items():
        base = f"https://127.0.0.1:{ports[dip_id]}" if dip_id in ports else ""
        hooks = f', webhooks: {{messages: "{base}/messages", status: "{base}/status"}}' if base else ""
        lines += [f"  - name: {name}", "    participants:"]
        lines.append(f'      - {{dip_id: "{dip_id}", mpid: {mpid}, roles: {roles}{hooks}}}')
    path = directory / "market.yaml"
    path.write_text("\n".join([*lines, "address_files: [addresses.csv]"]) + "\n")
    (directory / "addresses.csv").write_text("\n".join(["mpan,role,dip_id,from,to", *list_addresses()]) + "\n")
    return path


def list_addresses() -> list[str]:
    lines = []
    for mpan in (MPAN, OTHER_MPAN, LONG_MPAN, QUIET_MPAN):
        lines += [
            f"{mpan},SUP,{SUPPLIER},2020-01-01,{SUPPLY_START}",
            f"{mpan},SUP,{NEW_SUPPLIER},{SUPPLY_START},",
            f"{mpan},ADS,{EARLIER},2020-01-01,2025-12-01",
            f"{mpan},ADS,{OLD},2025-12-01,{SUPPLY_START}",
            f"{mpan},ADS,{NEW},{SUPPLY_START},",
        ]
    return [*lines, f"{ORPHAN_MPAN},ADS,{NEW},2020-01-01,"]


@dataclass
class ReplayingDip:
    """A DIP, its workers, and whoever asks."""

    home: Path
    database_url: str
    pool: Pool
    workers: list[DipProcess]
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    participants: dict[str, Participant] = field(default_factory=dict)

    async def send(self, sender: str, channel: str, *messages: dict[str, Any]) -> list[str]:
        return assert_accepted(await self.participants[sender].send(channel, list(messages)), len(messages))

    async def ask(self, asker: str, mpan: str, **options: Any) -> str:
        """The hexadecimal part of the request's transaction id."""
        request = draft("IF-015", "ConsumptionReplay", sender=asker, role="ADS", mpan=mpan, **options)
        [transaction] = await self.send(asker, "IF-015", request)
        return transaction.rpartition("-")[2]

    async def wait_until_answered(self) -> None:
        """All that was asked is answered, and every answer is delivered."""
        query = """select (select count(*) from intake) + (
            select coalesce(sum(q.tail - p.done), 0) from queue q join queue_progress p on p.queue = q.id
            where q.dip_id = $1 and q.channel = 'IF-015' or q.channel = 'IF-016')"""

        async def is_done() -> bool:
            async with self.pool.acquire() as connection:
                return await connection.fetchval(query, DIP_ID) == 0

        await eventually(is_done, "all requests are answered")

    def list_answers(self, asker: str, request: str) -> list[Arrival]:
        """Of one request, in the order of their transaction ids; each once, however often it came."""
        arrivals = self.inboxes[asker].arrivals
        return [
            arrivals[transaction][0]
            for transaction in sorted(arrivals)
            if transaction.startswith("T-IF-016-")
            and arrivals[transaction][0].common["S1"]["senderUniqueReference"].rpartition("-")[2].startswith(request)
        ]

    async def get_answers(self, asker: str, request: str) -> list[Arrival]:
        await self.wait_until_answered()
        return self.list_answers(asker, request)


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


async def apply(home: Path, credentials: Path, ports: dict[str, int], url: str) -> None:
    file = write_market(home.parent, ports)
    now = datetime.now(UTC)
    done = await apply_market_to_home(home, file, credentials, now, database_url=url, allow_private_webhooks=True)
    assert not done.rejected


def consumption(
    sender: str, *days: str, mpan: str = MPAN, event: str = "ActivePower", role: str = "ADS"
) -> dict[str, Any]:
    made_of = [date.fromisoformat(day) for day in days]
    return draft("IF-021", event, sender=sender, role=role, mpan=mpan, days=made_of, periods=4)


def defaulted(recipient: str, day: str, mpan: str = MPAN) -> dict[str, Any]:
    days, named = [date.fromisoformat(day)], [recipient]
    options: dict[str, Any] = {"days": days, "periods": 4, "primary_recipients": named}
    return draft("IF-013", "ActivePowerDefaulted", sender=SETTLEMENT, role="MDS", mpan=mpan, **options)


def list_firsts(answers: list[Arrival]) -> list[str]:
    """The references of the messages that are sent again."""
    return [answer.common["S2"]["senderUniqueReference"] for answer in answers]


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
