"""The DIP reads its own queues in transactions: nothing is lost, nothing answered twice, nothing held up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest_asyncio

from opendip.catalogue import load
from opendip.catalogue.samples import make_message
from opendip.client.credentials import Credentials
from opendip.domain.consumption import Responsibility
from opendip.domain.market import Tenure, add_dip
from opendip.domain.publications import Header, Wrapper, join_batch
from opendip.operations.homes import HomePlan, create_home
from opendip.stages.consumption import AnswerRules, OwnQueues, prepare_replies
from opendip.stages.route import Router, prepare_channels
from opendip.store.addresses import AddressRow, load_addresses
from opendip.store.archive import Archive
from opendip.store.chunks import find_spans, pack_chunks, unpack_chunk
from opendip.store.consumption import Record, RecordSearch, list_records, list_responsibilities
from opendip.store.market import load_market
from opendip.store.participants import add_participant, set_role
from opendip.store.pool import Pool, open_pool
from opendip.store.queues import NewEntry, append_entries
from opendip.store.submissions import MessageRow, Submission, Submitted, keep_messages, keep_submission
from tests.builders import ALWAYS

CATALOGUE = load()
CHANNELS = prepare_channels(CATALOGUE)
DIP_ID, OLD, NEW, SUPPLIER, SETTLEMENT = "0000000000", "1400000129", "1400000137", "2300000112", "1800000101"
MPAN, OTHER_MPAN = 2000000300000, 2000000300007
SUPPLY_START = date(2026, 2, 10)
NOW = datetime.now(UTC)
RECORDS = 5


@dataclass
class Desk:
    """The queues of a DIP that no process reads, and who sends to it."""

    pool: Pool
    credentials: Credentials
    router: Router
    submissions: int = 1

    def open(self, **rules: int) -> OwnQueues:
        replies = prepare_replies(CATALOGUE, "SIT", DIP_ID)
        chosen = AnswerRules(self.credentials, DIP_ID, "https://127.0.0.1:8443/2.1.0/dip-channel/IF-016")
        return OwnQueues(self.pool, CATALOGUE, replies, replace(chosen, **rules))  # type: ignore[arg-type]

    async def keep(self, channel: str, messages: Sequence[bytes]) -> int:
        """Takes and routes a call of these messages; answers its number."""
        self.submissions += 1
        number, body = self.submissions, join_batch(messages)
        headers = [Header(message) for message in messages]
        rows = [
            MessageRow(index, header.mpan, header.event_code, header.sender.senderDIPID, None)
            for index, header in enumerate(headers)
        ]
        chunks = [*pack_chunks(body, find_spans(body, [msgspec.Raw(m) for m in messages]))]
        async with self.pool.acquire() as connection, connection.transaction():
            await keep_messages(connection, number, NOW.date(), rows)
            await keep_submission(connection, a_submission(number, channel, len(messages)), chunks, len(messages))
        await self.route()
        return number

    async def route(self) -> None:
        async with self.pool.acquire() as connection:
            market = add_dip(await load_market(connection), DIP_ID)
        while await self.router.route_waiting(self.pool, market, NOW, 1000):
            pass

    async def ask(self, mpan: int = MPAN, asker: str = NEW) -> int:
        return await self.keep("IF-015", [a_message("IF-015", "ConsumptionReplay", asker, mpan=mpan)])

    async def read_all(self, queues: OwnQueues) -> int:
        count = 0
        while await queues.read_next(NOW):
            count += 1
        return count

    async def list_answers(self, request: int) -> list[list[dict[str, Any]]]:
        """The CommonBlocks of what was answered, submission by submission."""
        query = """select c.content from submission s join chunk c on c.submission = s.id
            where s.channel = 'IF-016' order by s.id, c.number"""
        async with self.pool.acquire() as connection:
            chunks = [unpack_chunk(row["content"]) for row in await connection.fetch(query)]
        blocks = [[msgspec.json.decode(m)["payload"]["CommonBlock"] for m in chunk] for chunk in chunks]
        token = f"{request:012x}00000"
        return [chunk for chunk in blocks if token in chunk[0]["S1"]["senderUniqueReference"]]

    async def execute(self, query: str, *values: object) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute(query, *values)

    async def make_due(self) -> None:
        await self.execute("update queue_progress set next_attempt_at = now()")


def a_wrapper(submitted: Submitted) -> Wrapper:
    publication = CATALOGUE.channels[submitted.channel].publication_id
    return Wrapper(submitted.id, submitted.accepted_at, submitted.channel, publication, frozenset())


def a_submission(number: int, channel: str, count: int) -> Submission:
    proof = {"method": "POST", "url": "", "signature_date": "", "signing_certificate": "", "answer": b"", "status": 201}
    return Submission(
        id=number,
        accepted_at=NOW,
        channel=channel,
        caller_dip_id=OLD,
        message_count=count,
        refused=(),
        signature=b"",
        content_hash=b"",
        signature_digest=number.to_bytes(32, "big"),
        **proof,  # type: ignore[arg-type]
    )


def a_message(channel: str, event: str, sender: str, role: str = "ADS", mpan: int = MPAN, **options: Any) -> bytes:
    random = Random(f"{channel}{sender}{options}")
    wishes = {"sender": sender, "role": role, "mpan": str(mpan), "periods": 2, **options}
    return msgspec.json.encode(make_message(CATALOGUE.channels[channel], event, CATALOGUE, random, **wishes))


def a_record(day: int, mpan: int = MPAN) -> bytes:
    return a_message("IF-021", "ActivePower", OLD, mpan=mpan, days=[date(2026, 1, day)])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def credentials(open_directory: Path, database_url: str) -> Credentials:
    home = open_directory / "own"
    await create_home(home, HomePlan("SIT", DIP_ID, ["localhost"], "", database_url), NOW)
    return Credentials.load(home / "dip")


@pytest_asyncio.fixture(loop_scope="session")
async def desk(fresh_database_url: str, credentials: Credentials) -> AsyncIterator[Desk]:
    archive = Archive(
        2**20,
        lambda s: Wrapper(s.id, s.accepted_at, s.channel, CATALOGUE.channels[s.channel].publication_id, frozenset()),
    )
    router = Router(CHANNELS, archive, CATALOGUE.response_codes, DIP_ID)
    async with open_pool(fresh_database_url, "dip tests") as pool:
        async with pool.acquire() as connection, connection.transaction():
            for dip_id, role in ((OLD, "ADS"), (NEW, "ADS"), (SUPPLIER, "SUP"), (SETTLEMENT, "MDS")):
                await add_participant(connection, dip_id, f"Example {dip_id} Ltd", None)
                await set_role(connection, dip_id, role, ALWAYS)
            await load_addresses(
                connection,
                [
                    AddressRow(1, MPAN, "ADS", OLD, date(2020, 1, 1), SUPPLY_START),
                    AddressRow(2, MPAN, "ADS", NEW, SUPPLY_START, None),
                    AddressRow(3, MPAN, "SUP", SUPPLIER, SUPPLY_START, None),
                ],
            )
        desk = Desk(pool, credentials, router)
        await desk.execute("select setval('submission_number', 1000000)")
        await desk.keep("IF-021", [a_record(1 + n) for n in range(RECORDS)])
        yield desk


async def test_the_address_books_rows_are_found_by_point_and_role(desk: Desk) -> None:
    async with desk.pool.acquire() as connection:
        found = await list_responsibilities(connection, MPAN, "ADS")
        assert await list_responsibilities(connection, OTHER_MPAN, "ADS") == []
    assert sorted(found, key=lambda r: r.dip_id) == [
        Responsibility(OLD, Tenure(date(2020, 1, 1), SUPPLY_START)),
        Responsibility(NEW, Tenure(SUPPLY_START)),
    ]


async def test_records_are_found_in_order_and_page_by_page(desk: Desk) -> None:
    await desk.keep("IF-021", [a_record(20), a_record(21, OTHER_MPAN)])
    await desk.keep("IF-021", [a_message("IF-021", "ActivePower", NEW)])
    defaulted = {"primary_recipients": [OLD], "days": [date(2026, 1, 5)]}
    await desk.keep("IF-013", [a_message("IF-013", "ActivePowerDefaulted", SETTLEMENT, "MDS", **defaulted)])
    search = RecordSearch(MPAN, NOW.date(), "IF-021", frozenset({OLD}), "IF-013")
    found: list[Record] = []
    async with desk.pool.acquire() as connection:
        while page := await list_records(connection, search, found[-1][:2] if found else (0, -1), 3):
            found += page
        assert await list_records(connection, replace(search, accepted_from=date.max), (0, -1), 3) == []
    day = NOW.date()
    expected = [*((2, n, "IF-021") for n in range(RECORDS)), (3, 0, "IF-021"), (5, 0, "IF-013")]
    assert found == [Record(submission, index, day, channel) for submission, index, channel in expected]


async def test_a_long_answer_is_several_submissions_in_order(desk: Desk) -> None:
    request = await desk.ask()
    assert await desk.read_all(desk.open(most_messages=2)) == 1
    answers = await desk.list_answers(request)
    assert [len(answer) for answer in answers] == [2, 2, 1]
    assert len({common["S1"]["senderUniqueReference"] for answer in answers for common in answer}) == RECORDS
    request = await desk.ask()
    assert await desk.read_all(desk.open(most_bytes=1)) == 1
    assert [len(answer) for answer in await desk.list_answers(request)] == [1] * RECORDS


async def test_read_by_two_at_once_and_broken_off_at_any_moment_it_is_answered_once(desk: Desk) -> None:
    request, readers = await desk.ask(), [desk.open(most_messages=2), desk.open(most_messages=2)]
    for steps in range(60):
        reading = [asyncio.create_task(reader.read_next(NOW)) for reader in readers]
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    await asyncio.gather(*(desk.read_all(reader) for reader in readers))
    assert [len(answer) for answer in await desk.list_answers(request)] == [2, 2, 1]


async def test_one_that_cannot_be_answered_holds_up_no_other_and_is_answered_later(desk: Desk) -> None:
    ill, well = await desk.ask(), await desk.ask()
    await desk.execute("create table aside as select * from chunk where submission = $1".replace("$1", str(ill)))
    await desk.execute("delete from chunk where submission = $1", ill)
    queues = desk.open()
    assert await queues.read_next(NOW)
    assert not await queues.read_next(NOW), "the queue is left alone for a while"
    await desk.make_due()
    assert await queues.read_next(NOW)
    assert [len(answer) for answer in await desk.list_answers(well)] == [RECORDS]
    assert await desk.list_answers(ill) == []
    assert await queues.read_next(NOW)
    await desk.execute("insert into chunk select * from aside")
    await desk.make_due()
    assert await desk.read_all(queues) == 1
    assert [len(answer) for answer in await desk.list_answers(ill)] == [RECORDS]


async def test_a_request_that_is_queued_again_is_answered_again_only_under_a_replays_number(desk: Desk) -> None:
    request, queues = await desk.ask(), desk.open()
    await desk.read_all(queues)
    async with desk.pool.acquire() as connection, connection.transaction():
        queue = await connection.fetchval("select id from queue where channel = 'IF-015'")
        again = NewEntry(queue, request, NOW.date(), [0])
        await append_entries(connection, [again, again._replace(replay=7)], {}, NOW)
    assert await desk.read_all(queues) == 2
    answers = await desk.list_answers(request)
    assert [len(answer) for answer in answers] == [RECORDS, RECORDS]
    references = {common["S1"]["senderUniqueReference"] for answer in answers for common in answer}
    assert len(references) == 2 * RECORDS


async def test_status_messages_about_the_dips_own_answers_are_read_and_done_with(desk: Desk) -> None:
    async with desk.pool.acquire() as connection, connection.transaction():
        queue = await connection.fetchval(
            "with q as (insert into queue (dip_id, role, channel) values ($1, '', 'STATUS') returning id) "
            "insert into queue_progress (queue) select id from q returning queue",
            DIP_ID,
        )
        entry = msgspec.json.encode({"transactionID": None, "message": "RCP1000 - Message Processing Failed"})
        await append_entries(connection, [], {queue: [entry, entry]}, NOW)
    assert await desk.read_all(desk.open()) == 1
    async with desk.pool.acquire() as connection:
        assert await connection.fetchval("select done from queue_progress where queue = $1", queue) == 2
