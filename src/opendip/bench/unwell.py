"""The process of the dead: recipients whose webhooks fail, each in a way of its own."""

import asyncio
import signal
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from multiprocessing.connection import Connection

import uvloop
from aiohttp import web

from opendip.bench.children import Count
from opendip.bench.receivers import Post
from opendip.client.credentials import Credentials

_HOST = "127.0.0.1"
_MOST_BYTES = 64 * 2**20
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a reset."""


def play_dead(posts: Sequence[Post], calls: Count, pipe: Connection) -> None:
    """Runs in its own process. Says when it is ready, fails every call until it is told to stop, counts them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_play_dead(posts, calls, pipe))


async def _play_dead(posts: Sequence[Post], calls: Count, pipe: Connection) -> None:
    def note() -> None:
        calls.value += 1

    async with AsyncExitStack() as stack:
        for number, post in enumerate(posts):
            await stack.enter_async_context(WAYS[list_ways(len(posts))[number]](post, note))
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
    pipe.send("stopped")


def list_ways(count: int) -> list[str]:
    """How each of so many dead recipients fails, all ways in turn."""
    names = list(WAYS)
    return [names[number % len(names)] for number in range(count)]


@asynccontextmanager
async def _refuse(post: Post, note: Callable[[], None]) -> AsyncIterator[None]:
    """Nothing listens; the port is held, so that nobody else gets it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((_HOST, post.port))
        yield


@asynccontextmanager
async def _reset(post: Post, note: Callable[[], None]) -> AsyncIterator[None]:
    """Takes every connection and breaks it off."""

    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        note()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.close()

    async with await asyncio.start_server(break_off, _HOST, post.port):
        yield


def _hang(post: Post, note: Callable[[], None]) -> AbstractAsyncContextManager[None]:
    """Takes every delivery whole and never answers."""

    async def wait_for_ever(request: web.Request) -> web.Response:
        note()
        await request.read()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    return _serve(post, wait_for_ever)


def _fail(post: Post, note: Callable[[], None]) -> AbstractAsyncContextManager[None]:
    """Answers 500 to every delivery."""

    async def answer(request: web.Request) -> web.Response:
        note()
        await request.read()
        return web.Response(status=500)

    return _serve(post, answer)


@asynccontextmanager
async def _serve(post: Post, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[None]:
    application = web.Application(client_max_size=_MOST_BYTES)
    application.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = Credentials.load(post.credentials).ssl_context_for_server()
    await web.TCPSite(runner, _HOST, post.port, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


Way = Callable[[Post, Callable[[], None]], AbstractAsyncContextManager[None]]
WAYS: Mapping[str, Way] = {"refuses": _refuse, "hangs": _hang, "answers 500": _fail, "resets": _reset}
