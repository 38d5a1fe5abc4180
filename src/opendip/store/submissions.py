"""Submissions and their messages: kept whole or not at all, found again by number."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import NamedTuple

from opendip.store.pool import Connection
from opendip.store.queries import load_queries

_EPOCH = date(2000, 1, 1).toordinal()
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_MOST_TAKEN = 64
_CLAIMED_AT_ONCE = 5000
_COPY_END = struct.pack("!h", -1)


class NewCall(NamedTuple):
    """The number for a new submission, and the answer this very call was given before, if it was."""

    submission: int
    status: int | None
    answer: bytes | None


class Claim(NamedTuple):
    """A sender reference to be claimed for the message of that index."""

    message_index: int
    reference_date: int
    digest: bytes


class MessageRow(NamedTuple):
    """What reports filter by."""

    message_index: int
    mpan: int | None
    event_code: str
    sender_dip_id: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Submission:
    """One call as kept: its evidence and the answer it was given."""

    id: int
    accepted_at: datetime
    channel: str
    caller_dip_id: str
    message_count: int
    refused: Sequence[int]
    method: str
    url: str
    signature: bytes
    signature_date: str
    content_hash: bytes
    signing_certificate: str
    signature_digest: bytes
    status: int
    answer: bytes

    @property
    def accepted_on(self) -> date:
        return self.accepted_at.date()


class Waiting(NamedTuple):
    """A submission taken from the intake."""

    submission: int
    accepted_on: date
    message_count: int


class Submitted(NamedTuple):
    """What routing and delivering must know of a submission."""

    id: int
    accepted_on: date
    accepted_at: datetime
    channel: str
    refused: Sequence[int] | None
    message_count: int


class ChunkKey(NamedTuple):
    """Names a chunk on the node that holds it."""

    submission: int
    number: int
    accepted_on: date


async def find_answer(connection: Connection, signature_digest: bytes) -> NewCall:
    row = await connection.fetchrow(load_queries("submissions")["find_answer"], signature_digest)
    assert row is not None
    return NewCall(*row)


async def advance_numbers(connection: Connection) -> None:
    """When a process starts: the database may be a restored one, and transaction ids are unique for ever."""
    await connection.execute(load_queries("submissions")["advance_numbers"])


async def claim_references(connection: Connection, submission: int, claims: Sequence[Claim]) -> set[int]:
    """Claims the references for ever; answers the indexes of the messages whose reference was free."""
    ordered = sorted(claims, key=lambda c: c.digest)
    free: set[int] = set()
    for first in range(0, len(ordered), _CLAIMED_AT_ONCE):
        step = ordered[first : first + _CLAIMED_AT_ONCE]
        rows = await connection.fetch(
            load_queries("submissions")["claim_references"],
            submission,
            [c.message_index for c in step],
            [c.reference_date for c in step],
            [c.digest for c in step],
        )
        free |= {row[0] for row in rows}
    return free


async def keep_messages(connection: Connection, submission: int, accepted_on: date, rows: Iterable[MessageRow]) -> None:
    """Writes the index rows with one COPY."""
    await connection.copy_to_table(
        "message",
        source=BytesIO(_encode_rows(submission, accepted_on, rows)),
        columns=[
            "submission",
            "mpan",
            "index",
            "accepted_on",
            "event_code",
            "sender_dip_id",
            "correlation_id",
        ],
        format="binary",
    )


def _encode_rows(submission: int, accepted_on: date, rows: Iterable[MessageRow]) -> bytes:
    """PostgreSQL's binary COPY format, which costs a third of what encoding the columns one by one does."""
    begin = struct.pack("!hiq", 7, 8, submission)
    number, day = struct.Struct("!ii"), struct.pack("!ii", 4, accepted_on.toordinal() - _EPOCH)
    big, length = struct.Struct("!iq"), struct.Struct("!i")
    null = length.pack(-1)
    texts: dict[str | None, bytes] = {None: null}

    def encode_text(text: str | None) -> bytes:
        found = texts.get(text)
        if found is None:
            assert text is not None
            data = text.encode()
            found = texts[text] = length.pack(len(data)) + data
        return found

    parts = [_COPY_HEADER]
    for row in rows:
        parts += (
            begin,
            null if row.mpan is None else big.pack(8, row.mpan),
            number.pack(4, row.message_index),
            day,
            encode_text(row.event_code),
            encode_text(row.sender_dip_id),
            encode_text(row.correlation_id),
        )
    parts.append(_COPY_END)
    return b"".join(parts)


async def keep_submission(
    connection: Connection, submission: Submission, chunks: Sequence[bytes], accepted_count: int
) -> None:
    """The evidence, the chunks, the answer and a place in the intake, in one statement."""
    s = submission
    await connection.execute(
        load_queries("submissions")["keep_submission"],
        *(s.id, s.accepted_on, s.accepted_at, s.channel, s.caller_dip_id, s.message_count),
        list(s.refused) or None,
        *(s.method, s.url, s.signature, s.signature_date, s.content_hash, s.signing_certificate),
        list(range(len(chunks))),
        list(chunks),
        accepted_count,
        *(s.signature_digest, s.status, s.answer),
    )


async def take_intake(connection: Connection, most_messages: int) -> list[Waiting]:
    """The oldest submissions nobody else routes, at least one if there is one; they leave the intake on commit."""
    queries = load_queries("submissions")
    taken: list[Waiting] = []
    for row in await connection.fetch(queries["lock_intake"], _MOST_TAKEN):
        waiting = Waiting(*row)
        if taken and sum(w.message_count for w in taken) + waiting.message_count > most_messages:
            break
        taken.append(waiting)
    if taken:
        await connection.execute(queries["leave_intake"], [w.submission for w in taken])
    return taken


async def set_aside(connection: Connection, submission: int, wait: timedelta) -> None:
    """Leaves a submission that could not be routed in the intake, for later."""
    await connection.execute(load_queries("submissions")["set_aside"], submission, wait)


async def list_submissions(connection: Connection, wanted: Iterable[tuple[int, date]]) -> dict[int, Submitted]:
    numbers, days = _unzip(wanted)
    rows = await connection.fetch(load_queries("submissions")["list_submissions"], numbers, days)
    return {row["id"]: Submitted(*row) for row in rows}


async def list_chunks(connection: Connection, wanted: Iterable[tuple[int, date]]) -> list[tuple[int, int, bytes]]:
    """(submission, number, content) of whole submissions, in order."""
    numbers, days = _unzip(wanted)
    return [(*row,) for row in await connection.fetch(load_queries("submissions")["list_chunks"], numbers, days)]


def _unzip(wanted: Iterable[tuple[int, date]]) -> tuple[list[int], list[date]]:
    pairs = list(wanted)
    return [n for n, _ in pairs], [d for _, d in pairs]


async def list_addressed_chunks(
    connection: Connection, keys: Sequence[ChunkKey]
) -> list[tuple[int, int, bytes, bytes]]:
    """(submission, number, content, addressing) of chosen chunks."""
    rows = await connection.fetch(
        load_queries("submissions")["list_addressed_chunks"],
        [k.submission for k in keys],
        [k.number for k in keys],
        [k.accepted_on for k in keys],
    )
    return [(*row,) for row in rows]


async def list_first_chunks(
    connection: Connection, keys: Sequence[ChunkKey], most_bytes: int
) -> list[tuple[int, int, bytes, bytes]]:
    """(submission, number, content, addressing) of the first of these chunks: what fits, but at least one."""
    rows = await connection.fetch(
        load_queries("submissions")["list_first_chunks"],
        [k.submission for k in keys],
        [k.number for k in keys],
        [k.accepted_on for k in keys],
        most_bytes,
    )
    return [(*row,) for row in rows]


async def keep_addressing(connection: Connection, rows: Sequence[tuple[ChunkKey, bytes]]) -> None:
    await connection.execute(
        load_queries("submissions")["keep_addressing"],
        [k.submission for k, _ in rows],
        [k.number for k, _ in rows],
        [k.accepted_on for k, _ in rows],
        [content for _, content in rows],
    )


async def forget_answers(connection: Connection, before: datetime) -> None:
    await connection.execute(load_queries("submissions")["forget_answers"], before)
