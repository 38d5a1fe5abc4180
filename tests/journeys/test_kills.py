"""Nothing accepted is lost, whatever dies: the worker, the API, the database itself, at any moment (design 1, 3).

This DIP's database writes to the disk as in earnest (fsync is on). What is drawn at random comes of one seed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest_asyncio

from opendip.client import Credentials, Patience, Sender
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.pool import open_connection
from tests.journeys.answers import Reply, assert_accepted, assert_refused
from tests.journeys.conftest import apply, make_home, stop_all
from tests.journeys.drafts import draft
from tests.journeys.evidence import prove_evidence
from tests.journeys.inboxes import Inbox, take_all
from tests.journeys.market import DATA, DISTRIBUTOR, MPANS, SETTLEMENT, SHAPING, SUPPLIER
from tests.journeys.participants import Participant, encode_batch, get_path
from tests.journeys.processes import DipProcess, end_database, find_free_port
from tests.journeys.waiting import eventually

RECIPIENTS = (SUPPLIER, DISTRIBUTOR, SETTLEMENT, SHAPING)
SEED = 20260321
KILLS = 12
SENDERS = 3
IMPATIENT = Patience(max_attempts=1000, base=timedelta(milliseconds=20), ceiling=timedelta(milliseconds=200))


@dataclass
class MortalDip:
    """A DIP of which every part can be killed and started again."""

    credentials: Path
    base: str
    postgres: EmbeddedPostgres
    api: DipProcess
    worker: DipProcess
    other_worker: DipProcess
    inboxes: dict[str, Inbox] = field(default_factory=dict)

    async def kill_worker(self) -> None:
        await self.worker.kill()
        self.worker.launch()

    async def kill_api(self) -> None:
        await self.api.kill()
        self.api.launch()

    async def kill_database(self) -> None:
        """Its processes end at once, in mid-transaction, and it recovers from its log when it starts."""
        await self.stop_database_at_once()
        await asyncio.to_thread(self.postgres.start)

    async def stop_database_at_once(self) -> None:
        await end_database(self.postgres)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mortal(open_directory: Path) -> AsyncIterator[MortalDip]:
    # Several files have a mortal DIP each.
    place = open_directory / f"mortal-{uuid4().hex}"
    place.mkdir(mode=0o711)
    home, credentials, port = place / "home", place / "credentials", find_free_port()
    postgres = EmbeddedPostgres(home, {"shared_buffers": "64MB", "max_wal_size": "256MB"})
    await asyncio.to_thread(postgres.create)
    await asyncio.to_thread(postgres.start)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        await make_home(home, "", port)
        await apply(home, credentials, {}, "")
        api = DipProcess("api", home, place / "api.log")
        workers = [DipProcess("worker", home, place / f"worker-{number}.log") for number in (1, 2)]
        dip = MortalDip(credentials, f"https://127.0.0.1:{port}", postgres, api, *workers)
        stack.push_async_callback(stop_all, [api, *workers])
        for process in (api, *workers):
            process.launch()
        for dip_id in (*RECIPIENTS, DATA):
            dip.inboxes[dip_id] = Inbox(credentials / dip_id)
            await stack.enter_async_context(dip.inboxes[dip_id].receiver)
        ports = {dip_id: inbox.receiver.port for dip_id, inbox in dip.inboxes.items()}
        await apply(home, credentials, ports, "")
        for process in (api, *workers):
            await process.wait_until_ready()
        yield dip


@dataclass
class Sent:
    """What the DIP has answered for, and how many calls it took."""

    transactions: list[str] = field(default_factory=list)
    calls: int = 0


async def keep_sending(sender: Sender, random: Random, sent: Sent, stop: asyncio.Event) -> None:
    """Each call again and again, unchanged, until it is answered; then the next."""
    while not stop.is_set():
        messages = [draft(mpan=random.choice(MPANS), periods=2) for _ in range(random.randint(1, 400))]
        answer = await sender.send("IF-021", messages)
        # Whatever became of the first attempts: not one reference was taken without being answered for.
        assert (answer.status, len(answer.entries)) == (201, len(messages))
        assert answer.refusals == []
        sent.transactions += [entry.transactionID or "" for entry in answer.entries]
        sent.calls += 1


async def test_every_message_answered_for_is_delivered_to_every_recipient(mortal: MortalDip):
    random, sent, stop = Random(SEED), Sent(), asyncio.Event()
    mortal.inboxes[SUPPLIER].answering = take_slowly
    deaths: list[Callable[[], Awaitable[None]]] = [mortal.kill_worker, mortal.kill_api, mortal.kill_database]
    credentials = Credentials.load(mortal.credentials / DATA)
    async with Sender(credentials, mortal.base, patience=IMPATIENT) as sender, asyncio.TaskGroup() as group:
        for number in range(SENDERS):
            group.create_task(keep_sending(sender, Random(SEED + number), sent, stop))
        for number in range(KILLS):
            await wait_for_more(sent, random.randint(1, 3))
            await asyncio.sleep(random.random() / 5)
            await deaths[number % len(deaths)]()
        await wait_for_more(sent, SENDERS)
        stop.set()
    await mortal.worker.wait_until_ready()
    assert len(sent.transactions) == len(set(sent.transactions))
    for recipient in RECIPIENTS:
        await mortal.inboxes[recipient].wait_for(*sent.transactions)
        assert mortal.inboxes[recipient].arrivals.keys() == set(sent.transactions)
    assert mortal.inboxes[DATA].statuses == []
    mortal.inboxes[SUPPLIER].answering = take_all
    assert await prove_evidence(mortal.postgres.url) == sent.calls


async def take_slowly(_: object) -> None:
    """So that some deaths fall into the midst of a delivery."""
    await asyncio.sleep(0.05)


async def wait_for_more(sent: Sent, count: int) -> None:
    enough = sent.calls + count
    await eventually(lambda: sent.calls >= enough, "more calls are answered")


async def test_while_the_database_is_away_calls_are_answered_503_and_may_be_sent_again(mortal: MortalDip):
    async with Participant(mortal.credentials / DATA, mortal.base) as caller:
        path, body = get_path("IF-021"), encode_batch([draft(periods=2)])
        signed = caller.sign(path, body)
        await mortal.stop_database_at_once()
        for _ in range(3):
            reply = await caller.call(path, body, signed=signed)
            assert_refused(reply, 503, "MSG1000", "Send this call again, unchanged")
            assert int(reply.headers["retry-after"]) > 0
        await asyncio.to_thread(mortal.postgres.start)
        reply = await eventually(lambda: call_until_served(caller, path, body, signed), "the DIP serves again")
        [transaction] = assert_accepted(reply)
        for recipient in RECIPIENTS:
            await mortal.inboxes[recipient].wait_for(transaction)


async def call_until_served(caller: Participant, path: str, body: bytes, signed: dict[str, str]) -> Reply | None:
    reply = await caller.call(path, body, signed=signed)
    return None if reply.status == 503 else reply


async def test_two_workers_deliver_each_message_once(mortal: MortalDip):
    """Neither takes a queue that the other holds."""
    async with Participant(mortal.credentials / DATA, mortal.base) as caller:
        calls = [caller.send("IF-021", [draft(periods=2) for _ in range(50)]) for _ in range(20)]
        transactions = [t for reply in await asyncio.gather(*calls) for t in assert_accepted(reply, 50)]
    for recipient in RECIPIENTS:
        arrivals = mortal.inboxes[recipient].arrivals
        await mortal.inboxes[recipient].wait_for(*transactions)
        assert {len(arrivals[transaction]) for transaction in transactions} == {1}


async def test_a_worker_that_is_stopped_records_the_delivery_under_way(mortal: MortalDip):
    """SIGTERM in mid-delivery: the answer that is on its way is waited for, so nothing is delivered twice."""
    delivering, answering = asyncio.Event(), asyncio.Event()

    async def wait(_: object) -> None:
        delivering.set()
        await answering.wait()

    mortal.inboxes[SUPPLIER].answering = wait
    async with Participant(mortal.credentials / DATA, mortal.base) as caller:
        [transaction] = assert_accepted(await caller.send("IF-021", [draft(periods=2)]))
    async with asyncio.timeout(60):
        await delivering.wait()
    workers = [mortal.worker, mortal.other_worker]
    stopping = asyncio.create_task(stop_all(workers))
    # Most times the signal is there before the answer; it must not matter.
    await asyncio.sleep(0.2)
    answering.set()
    await stopping
    for worker in workers:
        worker.launch()
    for worker in workers:
        await worker.wait_until_ready()
    async with Participant(mortal.credentials / DATA, mortal.base) as caller:
        [later] = assert_accepted(await caller.send("IF-021", [draft(periods=2)]))
    await mortal.inboxes[SUPPLIER].wait_for(transaction, later)
    assert len(mortal.inboxes[SUPPLIER].arrivals[transaction]) == 1
    mortal.inboxes[SUPPLIER].answering = take_all


async def test_processes_end_in_good_order_without_a_database_and_serve_again_when_it_is_back(mortal: MortalDip):
    processes = [mortal.api, mortal.worker, mortal.other_worker]
    await eventually(lambda: is_idle(mortal), "no queue is leased, which would have to run out")
    await mortal.stop_database_at_once()
    try:
        await stop_all(processes)
    finally:
        await asyncio.to_thread(mortal.postgres.start)
    for process in processes:
        process.launch()
    for process in processes:
        await process.wait_until_ready()
    async with Participant(mortal.credentials / DATA, mortal.base) as caller:
        transactions = assert_accepted(await caller.send("IF-021", [draft(periods=2) for _ in range(10)]), 10)
    await mortal.inboxes[SHAPING].wait_for(*transactions)


async def is_idle(mortal: MortalDip) -> bool:
    async with open_connection(mortal.postgres.url) as connection:
        return not await connection.fetchval("select count(*) from queue_progress where leased_by is not null")
