"""The HTTPS server: mutual TLS, the client's certificate handed to the application, strangers cut off early."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opendip.api.parsing import RequestParser

MAX_HEADER_BYTES = 64 * 1024
HEADER_TIMEOUT_SECONDS = 20.0
KEEP_ALIVE_SECONDS = 75


class MutualTlsProtocol(HttpToolsProtocol):
    """Puts the peer's certificate (DER) into the scope; closes connections that are slow or endless in headers."""

    _certificate: bytes | None = None
    _header_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.parser = RequestParser(self)  # type: ignore[assignment]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self._certificate = tls.getpeercert(True) if tls is not None else None
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES + len(data):
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._forget_deadline()
        self.scope["tls_client_certificate"] = self._certificate  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Not HTTP: there is nobody to answer."""
        self.transport.close()

    def _await_headers(self) -> None:
        self._forget_deadline()
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADER_TIMEOUT_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """Leaves the signals to the process, which stops other work too."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve_api(
    app: Starlette,
    listening: socket.socket,
    tls: ssl.SSLContext,
    stop: asyncio.Event,
    on_ready: Callable[[], None],
    drain_seconds: int,
) -> None:
    """Serves until `stop`; then takes no new connection, and finishes the calls under way."""
    config = uvicorn.Config(
        app,
        http=MutualTlsProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        ssl_context_factory=lambda _, __: tls,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds,
        backlog=2048,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    await _wait_until_ready(server, serving)
    on_ready()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


async def _wait_until_ready(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    while not server.started:
        if serving.done():
            await serving
            raise RuntimeError("the API's server ended before it had started")
        await asyncio.sleep(0.01)
