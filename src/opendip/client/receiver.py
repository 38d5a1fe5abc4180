"""A participant's HTTPS server for what the DIP delivers: its paths, handlers and public URLs."""

import ipaddress
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Self

from aiohttp import web

from .credentials import Credentials
from .signing import MAX_CERTIFICATE_HEADER
from .verifying import TOLERANCE
from .webhook import (
    MessageHandler,
    Reception,
    StatusHandler,
    Webhook,
    make_message_webhook,
    make_status_webhook,
)

MAX_BODY_BYTES = 256 * 1024 * 1024
MESSAGES_PATH = "/messages"
STATUS_PATH = "/status"
_READ_BUFFER = 1024 * 1024
_SECONDS_TO_FINISH = 10.0
_NAMES_OF_THIS_MACHINE = ("127.0.0.1", "localhost")


def get_utc_now() -> datetime:
    return datetime.now(UTC)


class Receiver:
    """Receives for one DIP id: `async with Receiver(credentials, on_messages=take) as receiver: ...`.

    Every call must come over mutual TLS from the DIP (`dip_id`) and be signed by it. What is not is answered
    403, or 400 with RCP9999; what is not a batch of messages, 400 with RCP1001. A handler returns what it
    refuses, by transaction id; it raises `TryLater` to be sent the same again. Port 0 is any free port.
    """

    def __init__(
        self,
        credentials: Credentials,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        on_messages: MessageHandler | None = None,
        on_status: StatusHandler | None = None,
        public_url: str | None = None,
        dip_id: str = "0000000000",
        tolerance: timedelta = TOLERANCE,
        max_body_bytes: int = MAX_BODY_BYTES,
        clock: Callable[[], datetime] = get_utc_now,
    ) -> None:
        """`public_url` is what the DIP calls when a proxy or another name stands before host and port."""
        self._credentials = credentials
        self._host, self._port, self._public_url = host, port, public_url
        self._reception = Reception(credentials, dip_id, tolerance, max_body_bytes, clock, self._list_public_urls)
        self._webhooks: dict[str, Webhook] = {}
        self._runner: web.AppRunner | None = None
        if on_messages is not None:
            self.add_messages(MESSAGES_PATH, on_messages)
        if on_status is not None:
            self.add_status(STATUS_PATH, on_status)

    def add_messages(self, path: str, handler: MessageHandler, *, recipient_id: str | None = None) -> None:
        """Take messages at another path, before the receiver starts; for whom, if not for its own DIP id."""
        owner = recipient_id or self._credentials.dip_id
        self._webhooks[path] = make_message_webhook(self._reception, handler, owner)

    def add_status(self, path: str, handler: StatusHandler, *, recipient_id: str | None = None) -> None:
        """Take status messages at another path, before the receiver starts."""
        owner = recipient_id or self._credentials.dip_id
        self._webhooks[path] = make_status_webhook(self._reception, handler, owner)

    @property
    def port(self) -> int:
        """The port it listens on, known once it has started."""
        return self._port

    @property
    def url(self) -> str:
        """What to register webhooks under, without a path: `https://127.0.0.1:8444`."""
        return next(iter(self._list_public_urls("")))

    async def start(self) -> None:
        application = web.Application()
        for path, webhook in self._webhooks.items():
            application.router.add_post(path, webhook.handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,  # The hash is of the bytes as sent; nothing on this wire is compressed.
            max_field_size=MAX_CERTIFICATE_HEADER,
            read_bufsize=_READ_BUFFER,
            shutdown_timeout=_SECONDS_TO_FINISH,
        )
        await self._runner.setup()
        context = self._credentials.ssl_context_for_server()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=context).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening, and let what is being answered be answered."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _list_public_urls(self, path: str) -> Iterable[str]:
        if self._public_url is not None:
            return [self._public_url.rstrip("/") + path]
        return [f"https://{name}:{self._port}{path}" for name in _list_names(self._host)]


def _list_names(host: str) -> list[str]:
    """What a caller may call the host we listen at; this machine's own loopback has more than one name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [host] if host not in _NAMES_OF_THIS_MACHINE else [host, *_NAMES_OF_THIS_MACHINE]
    if address.is_unspecified:
        return list(_NAMES_OF_THIS_MACHINE)
    name = f"[{host}]" if address.version == 6 else host
    return [name, *_NAMES_OF_THIS_MACHINE] if address.is_loopback else [name]
