"""Messages read again from the archive: the same as they were first published, and no more of them than wanted."""

from datetime import UTC, datetime

import msgspec
import pytest

from opendip.domain.publications import Header, Publisher, Wrapper
from opendip.store.archive import Archive, ChunkAddressing, PublishedKey, publish_chunk
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, find_spans, pack_chunks
from opendip.store.pool import Pool
from opendip.store.submissions import ChunkKey, Submission, Submitted, keep_addressing, keep_submission
from tests.journeys.drafts import draft

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
SENDER = "1400000016"
NUMBER, OTHER = 7_000_001, 7_000_002
COUNT = 2 * MESSAGES_IN_A_CHUNK + 100
BLOCKS = [b'{"primaryRecipients":["2300000012"]}', b'{"primaryRecipients":["2300000023"]}']
UNROUTED = 3
MUCH = 2**30


def wrap(submitted: Submitted) -> Wrapper:
    return Wrapper(submitted.id, submitted.accepted_at, submitted.channel, "PUB-021", frozenset())


def make_body() -> bytes:
    messages = [msgspec.json.encode(draft(sender=SENDER, periods=1)) for _ in range(COUNT)]
    return b"[" + b", ".join(messages) + b"]"


def make_addressing(number: int) -> ChunkAddressing:
    places = range(min(MESSAGES_IN_A_CHUNK, COUNT - number * MESSAGES_IN_A_CHUNK))
    return ChunkAddressing(BLOCKS, [-1 if place == UNROUTED else place % 2 for place in places])


def name_chunk(number: int, submission: int = NUMBER) -> PublishedKey:
    return PublishedKey(ChunkKey(submission, number, NOW.date()), None)


@pytest.fixture
def archive() -> Archive:
    return Archive(2**20, wrap)


@pytest.fixture
def body() -> bytes:
    return make_body()


async def keep(pool: Pool, body: bytes, number: int = NUMBER) -> None:
    chunks = list(pack_chunks(body, find_spans(body, msgspec.json.decode(body, type=list[msgspec.Raw]))))
    text = {"method": "POST", "url": "", "signature_date": "", "signing_certificate": "", "answer": b"", "status": 201}
    proof = {"signature": b"", "content_hash": b"", "signature_digest": number.to_bytes(32, "big"), "refused": []}
    rest = {"channel": "IF-021", "caller_dip_id": SENDER, "message_count": COUNT, "accepted_at": NOW}
    submission = Submission(id=number, **rest, **text, **proof)  # type: ignore[arg-type]
    rows = [(name_chunk(n, number).chunk, make_addressing(n).pack()) for n in range(len(chunks))]
    async with pool.acquire() as connection, connection.transaction():
        await keep_submission(connection, submission, chunks, COUNT)
        await keep_addressing(connection, rows)


async def test_messages_read_again_are_those_that_routing_published(pool: Pool, archive: Archive, body: bytes) -> None:
    await keep(pool, body)
    headers = [Header(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    wanted = {name_chunk(number): [0, 7, UNROUTED, 99] for number in range(3)}
    async with pool.acquire() as connection:
        read = await archive.find_messages(connection, wanted, MUCH)
        again = await archive.find_messages(connection, wanted, MUCH)
    publisher = Publisher(Wrapper(NUMBER, NOW, "IF-021", "PUB-021", frozenset()))
    for number in range(3):
        first = number * MESSAGES_IN_A_CHUNK
        own = headers[first : first + MESSAGES_IN_A_CHUNK]
        published = publish_chunk(publisher, first, own, make_addressing(number))
        for place in (0, 7, UNROUTED, 99):
            assert read[NUMBER, number, None][place] == published[place]
            assert again[NUMBER, number, None][place] == published[place]
        assert read[NUMBER, number, None][UNROUTED] is None


async def test_what_is_read_again_does_not_push_out_what_was_just_routed(pool: Pool, body: bytes) -> None:
    await keep(pool, body, OTHER)
    archive = Archive(1000, wrap)
    fresh = publish_chunk(
        Publisher(Wrapper(OTHER + 1, NOW, "IF-021", "PUB-021", frozenset())),
        0,
        [Header(msgspec.json.encode(draft(sender=SENDER, periods=1)))],
        ChunkAddressing(BLOCKS, [0]),
    )
    archive.keep(OTHER + 1, 0, fresh)
    key = PublishedKey(ChunkKey(OTHER + 1, 0, NOW.date()), None)
    async with pool.acquire() as connection:
        await archive.find_messages(connection, {name_chunk(n, OTHER): [0] for n in range(3)}, MUCH)
        found = await archive.find_messages(connection, {key: [0]}, MUCH)
    assert found[key.name][0] is fresh[0]


async def test_no_more_is_read_than_there_is_room_for(pool: Pool, archive: Archive) -> None:
    number = NUMBER + 2
    spaces = b" " * 2**20
    large = [
        msgspec.json.encode(draft(sender=SENDER, periods=1)).replace(b'"CustomBlock":{', b'"CustomBlock":{' + spaces)
    ]
    small = [msgspec.json.encode(draft(sender=SENDER, periods=1)) for _ in range(MESSAGES_IN_A_CHUNK - 1)]
    await keep(pool, b"[" + b",".join([*small, *large, *small]) + b"]", number)
    wanted = {name_chunk(0, number): [MESSAGES_IN_A_CHUNK - 1], name_chunk(1, number): [0, 1]}
    async with pool.acquire() as connection:
        few = await archive.find_messages(connection, wanted, 2**20)
        all_of_them = await archive.find_messages(connection, wanted, 2**21)
    assert [len(places) for places in few.values()] == [1]
    assert [len(places) for places in all_of_them.values()] == [1, 2]
