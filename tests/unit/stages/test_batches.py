"""Batches keep to the recipient's limits whatever is queued, and leave nothing out (E2E 4.6.2)."""

from datetime import UTC, date, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from opendip.domain.publications import Sender
from opendip.stages.deliver.batches import (
    Batch,
    Bodies,
    Limits,
    list_chunk_keys,
    list_wanted,
    make_batch,
    make_status_batch,
)
from opendip.store.archive import ChunkName, Published
from opendip.store.chunks import MESSAGES_IN_A_CHUNK
from opendip.store.queues import Entry, StatusEntry

DAY = date(2026, 3, 21)
AT = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
SENDER = Sender("1400000011", "SDS", "S-IF-021-1400000011-SDS-20260321-1")

submissions = st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=6), min_size=1, max_size=5)
limits = st.builds(Limits, st.integers(1, 8), st.integers(1, 150))


def make_message(submission: int, index: int, size: int) -> bytes:
    return msgspec.json.encode(f"{submission}-{index}-" + "x" * size)


def make_entries(sizes: list[list[int]]) -> list[Entry]:
    entries, position = [], 0
    for number, messages in enumerate(sizes):
        position += len(messages)
        # Every other message of a submission, from a place where two chunks meet.
        members = [MESSAGES_IN_A_CHUNK - 2 + 2 * n for n in range(len(messages))]
        entries.append(Entry(position, len(messages), number, DAY, DAY, members, AT, None))
    return entries


def make_chunks(sizes: list[list[int]]) -> dict[ChunkName, dict[int, Published | None]]:
    chunks: dict[ChunkName, dict[int, Published | None]] = {}
    for entry, messages in zip(make_entries(sizes), sizes, strict=True):
        for index, size in zip(entry.members, messages, strict=True):
            number, offset = divmod(index, MESSAGES_IN_A_CHUNK)
            chunk = chunks.setdefault((entry.submission, number, None), {})
            chunk[offset] = Published(make_message(entry.submission, index, size), SENDER, None)
    return chunks


def drain(sizes: list[list[int]], limits: Limits) -> list[Batch]:
    """All batches of a queue, as a deliverer makes them one after another."""
    entries, chunks, bodies = make_entries(sizes), make_chunks(sizes), Bodies()
    batches: list[Batch] = []
    while wanted := list_wanted(entries, batches[-1].to_position if batches else 0, limits.messages):
        needed = {key.name: chunks[key.name] for key in list_chunk_keys(wanted)}
        batches.append(make_batch(wanted, needed, limits, bodies))
    return batches


@given(sizes=submissions, limits=limits)
def test_every_message_goes_once_in_the_order_of_the_queue(sizes: list[list[int]], limits: Limits) -> None:
    sent = [text for batch in drain(sizes, limits) for text in msgspec.json.decode(batch.body.data, type=list[str])]
    expected = [
        msgspec.json.decode(make_message(entry.submission, index, size))
        for entry, messages in zip(make_entries(sizes), sizes, strict=True)
        for index, size in zip(entry.members, messages, strict=True)
    ]
    assert sent == expected


@given(sizes=submissions, limits=limits)
def test_a_batch_is_within_both_limits_unless_it_is_a_single_message(sizes: list[list[int]], limits: Limits) -> None:
    for batch in drain(sizes, limits):
        assert len(batch.wanted) <= limits.messages
        assert len(batch.body.data) <= limits.bytes or len(batch.wanted) == 1


def test_a_batch_ends_before_the_first_message_that_there_was_no_room_to_read() -> None:
    sizes, bodies = [[10, 10, 10]], Bodies()
    wanted = list_wanted(make_entries(sizes), 0, 3)
    found = make_chunks(sizes)
    found.popitem()
    assert make_batch(wanted, found, Limits(10, 10_000), bodies).to_position == 1


@given(sizes=submissions, limits=limits)
def test_positions_follow_one_another_without_a_gap(sizes: list[list[int]], limits: Limits) -> None:
    expected = 1
    for batch in drain(sizes, limits):
        assert batch.from_position == expected
        assert batch.to_position - batch.from_position + 1 == len(batch.wanted)
        expected = batch.to_position + 1


@given(texts=st.lists(st.integers(1, 60).map(lambda size: b'"%s"' % (b"x" * size)), min_size=1), limits=limits)
def test_status_messages_keep_to_the_limits_too(texts: list[bytes], limits: Limits) -> None:
    entries = [StatusEntry(position, DAY, text, AT) for position, text in enumerate(texts, 1)]
    sent: list[bytes] = []
    while entries:
        batch = make_status_batch(entries, limits)
        count = batch.to_position - batch.from_position + 1
        assert batch.body.data == b"[" + b",".join(entry.entry for entry in entries[:count]) + b"]"
        assert count <= limits.messages
        assert len(batch.body.data) <= limits.bytes or count == 1
        sent += [entry.entry for entry in entries[:count]]
        entries = entries[count:]
    assert sent == texts


def test_recipients_of_the_same_messages_share_one_body() -> None:
    bodies = Bodies()
    assert bodies.make("a", [b"1", b"2"]) is bodies.make("a", [b"1", b"2"])
    for number in range(20):
        bodies.make(number, [b"3"])
    assert bodies.make("a", [b"4"]).data == b"[4]"
