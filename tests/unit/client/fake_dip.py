"""A DIP for the client's tests: real TLS, answers as told, and a memory of how it was called."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from opendip.client.credentials import Credentials
from opendip.client.types import ResponseEntry, StandardResponse, encode

from .deliveries import AT
from .subjects import DIP, SUPPLIER


def make_entry(message: str = "MSG0000 - Success") -> ResponseEntry:
    return ResponseEntry("T-1", "S-1", None, AT, DIP.dip_id, SUPPLIER.dip_id, None, message)


def answer(status: int, *entries: ResponseEntry) -> Callable[[], web.StreamResponse]:
    body = encode(StandardResponse(list(entries), AT)) if entries else b""
    return lambda: web.Response(status=status, body=body, content_type="application/json")


@dataclass
class Called:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeDip:
    """Answers what it was told to, one after another (the last one for ever), and remembers how it was called."""

    credentials: Credentials
    answers: list[Callable[[], web.StreamResponse] | None] = field(default_factory=lambda: [answer(201, make_entry())])
    calls: list[Called] = field(default_factory=list)
    url: str = ""
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        url = self.url + request.raw_path
        self.calls.append(Called(request.method, url, dict(request.headers), await request.read()))
        self.called.set()
        chosen = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if chosen is None:
            assert request.transport is not None
            request.transport.abort()
            raise asyncio.CancelledError
        return chosen()

    async def start(self) -> web.AppRunner:
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(application, max_field_size=16_384)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.credentials.ssl_context_for_server()).start()
        self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        return runner
