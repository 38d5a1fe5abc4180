"""The database as the checker reads it."""

from collections.abc import AsyncIterator

from opendip.store.pool import Connection
from tests.faults.history import DeadLetter, Delivery, Place, Tables, format_key

_OWN = "0000000000"
_QUEUED = """
select q.dip_id, q.role, q.channel, e.submission, e.members, e.replay from queue_entry e join queue q on q.id = e.queue
where q.dip_id <> $1
"""
_BURIED = """
select q.dip_id, q.role, q.channel, d.submission, d.message_index, d.replay, d.kind, d.text
from dead_letter d join queue q on q.id = d.queue where d.submission is not null
"""
_DELIVERIES = """
select queue, from_position, to_position from attempt where outcome in ('delivered', 'partlydelivered', 'refused')
"""
_BACKLOG = """
select q.dip_id, q.role, q.channel, q.tail - p.done as waiting, p.stopped_reason, p.next_attempt_at - now() as due_in,
    p.leased_until - now() as leased_for, p.failures, b.state, b.until - now() as breaker_for
from queue q join queue_progress p on p.queue = q.id
left join breaker b on b.dip_id = q.dip_id and b.channel = q.channel
where q.tail > p.done order by q.id
"""
_INTAKE = "select submission, route_after::text as route_after from intake"
_JOBS = "select id, dip_id, channel from requeue_job where status = 'Processing'"
_OUTSTANDING = """
select (select coalesce(sum(q.tail - p.done), 0) from queue q join queue_progress p on p.queue = q.id)
    + (select coalesce(sum(message_count), 0) from intake)
    + (select count(*) from requeue_job where status = 'Processing')
"""
_STOPPED = """
select q.dip_id, q.channel from queue q join queue_progress p on p.queue = q.id
where p.stopped_at is not null group by 1, 2
"""


async def read_tables(connection: Connection) -> Tables:
    queued = set()
    for dip_id, role, channel, submission, members, replay in await connection.fetch(_QUEUED, _OWN):
        queued |= {(Place(dip_id, role, channel), format_key(submission, index, replay)) for index in members}
    letters = [
        DeadLetter(Place(dip_id, role, channel), format_key(submission, index, replay), kind, text)
        for dip_id, role, channel, submission, index, replay, kind, text in await connection.fetch(_BURIED)
    ]
    deliveries = [Delivery(*row) for row in await connection.fetch(_DELIVERIES)]
    return Tables(frozenset(queued), letters, deliveries, await list_outstanding(connection))


async def list_outstanding(connection: Connection) -> list[str]:
    """What is not done with yet, a line each."""
    return [line async for line in _describe_outstanding(connection)]


async def _describe_outstanding(connection: Connection) -> AsyncIterator[str]:
    for row in await connection.fetch(_INTAKE):
        yield f"submission {row['submission']} is not routed; it is due at {row['route_after']}"
    for row in await connection.fetch(_BACKLOG):
        details = ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
        yield f"a queue waits: {details}"
    for row in await connection.fetch(_JOBS):
        yield f"requeue {row['id']} of {row['channel']} for {row['dip_id']} is not done"


async def count_outstanding(connection: Connection) -> int:
    return int(await connection.fetchval(_OUTSTANDING))


async def list_stopped(connection: Connection) -> list[tuple[str, str]]:
    """The webhooks (DIP id, channel) of queues that a person must wake."""
    return [(row["dip_id"], row["channel"]) for row in await connection.fetch(_STOPPED)]
