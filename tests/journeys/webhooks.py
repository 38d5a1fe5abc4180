"""Webhooks of the journeys: how they are set, what waits for them, and odd ones that no good recipient has."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from tests.journeys.answers import assert_accepted
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.market import DATA
from tests.journeys.participants import get_path


async def set_webhook(dip: Dip, recipient: str, url: str, channel: str = "IF-021", **limits: int) -> None:
    body = msgspec.json.encode({"callbackURL": url, **limits})
    reply = await dip.participants[recipient].call(f"{get_path(channel)}/pubconfig/{recipient}", body)
    assert reply.status == 201, reply.body


async def send(dip: Dip, count: int, **options: object) -> list[str]:
    messages = [draft(**options) for _ in range(count)]  # type: ignore[arg-type]
    return assert_accepted(await dip.participants[DATA].send("IF-021", messages), count)


async def count_waiting(dip: Dip, recipient: str, count: int, channel: str = "IF-021") -> bool:
    query = """select q.tail - p.done from queue q join queue_progress p on q.id = p.queue
        where q.dip_id = $1 and q.channel = $2"""
    async with dip.pool.acquire() as connection:
        return await connection.fetchval(query, recipient, channel) == count


@asynccontextmanager
async def odd_server(
    context: ssl.SSLContext, port: int, answer: Callable[[web.Request], object]
) -> AsyncIterator[None]:
    """A webhook that answers as no good one does."""
    application = web.Application(client_max_size=2**28)
    application.router.add_post("/messages", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(application, access_log=None, max_field_size=2**15, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


def respond(status: int, body: bytes = b"", **headers: str) -> Callable[[web.Request], object]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer
