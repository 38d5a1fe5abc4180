"""Requeues: their numbers, the jobs that run in the background, and the answers that their calls were given."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


class RequeueJob(NamedTuple):
    """A requeue in the background, and how far it has come."""

    id: UUID
    replay: int
    dip_id: str
    channel: str
    request: Mapping[str, Any]
    """What was asked for, in the words of the stage that asked."""
    total: int
    processed: int
    reached: Mapping[str, Any] | None
    """Where the next page begins, in the words of that stage; None: not even counted."""
    created_at: datetime


class NewJob(NamedTuple):
    """A job to be started."""

    id: UUID
    replay: int
    dip_id: str
    channel: str
    asked_by: str
    request: Mapping[str, Any]


class JobProgress(NamedTuple):
    """What its owner may know of a job."""

    status: str
    total: int
    processed: int


class GivenAnswer(NamedTuple):
    """What a call was answered."""

    status: int
    answer: bytes


async def take_replay_number(connection: Connection) -> int:
    return int(await connection.fetchval(load_queries("requeue_jobs")["take_replay_number"]))


async def start_job(connection: Connection, job: NewJob, now: datetime) -> bool:
    """False, and nothing kept, while another is at work for the same recipient and channel."""
    request = msgspec.json.encode(job.request).decode()
    query = load_queries("requeue_jobs")["start_job"]
    return await connection.fetchval(query, *job[:-1], request, now) is not None


async def claim_job(connection: Connection) -> RequeueJob | None:
    """A job that nobody else is at, held until the transaction ends."""
    row = await connection.fetchrow(load_queries("requeue_jobs")["claim_job"])
    if row is None:
        return None
    values = dict(row)
    values["request"] = msgspec.json.decode(values["request"])
    values["reached"] = msgspec.json.decode(values["reached"]) if values["reached"] else None
    return RequeueJob(**values)


async def keep_total(connection: Connection, job: UUID, total: int) -> None:
    await connection.execute(load_queries("requeue_jobs")["keep_total"], job, total)


async def keep_page(
    connection: Connection, job: UUID, reached: Mapping[str, Any], processed: int, now: datetime, *, is_last: bool
) -> None:
    encoded = msgspec.json.encode(reached).decode()
    await connection.execute(load_queries("requeue_jobs")["keep_page"], job, encoded, processed, is_last, now)


async def fail_job(connection: Connection, job: UUID, failure: str, now: datetime) -> None:
    await connection.execute(load_queries("requeue_jobs")["fail_job"], job, failure, now)


async def find_job(connection: Connection, dip_id: str, channel: str, job: UUID | None) -> JobProgress | None:
    """The job of that id, or the latest."""
    row = await connection.fetchrow(load_queries("requeue_jobs")["find_job"], dip_id, channel, job)
    return None if row is None else JobProgress(*row)


async def find_given_answer(connection: Connection, signature_digest: bytes) -> GivenAnswer | None:
    row = await connection.fetchrow(load_queries("requeue_jobs")["find_given_answer"], signature_digest)
    return None if row is None else GivenAnswer(*row)


async def keep_answer(connection: Connection, signature_digest: bytes, given: GivenAnswer, now: datetime) -> bool:
    """False when the very same call was answered meanwhile: the caller's transaction must not stand then."""
    query = load_queries("requeue_jobs")["keep_answer"]
    return await connection.fetchval(query, signature_digest, now, *given) is not None
