"""HTTPS to webhooks. Addresses are the participants' choice and so are treated as hostile.

Every connection goes to an address that was checked after the name was resolved; redirects are not followed; the
recipient's certificate must be one of the environment's; an answer is read up to a limit.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from opendip.client.retrying import parse_retry_after
from opendip.domain.webhook_addresses import is_public_address

MAX_ANSWER_BYTES = 64 * 2**20
_BYTES_AN_ENTRY = 8 * 2**10
"""The longest texts of an entry stay below it, however they are written."""
_BYTES_BESIDE = 64 * 2**10
_RESOLVING = 64
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_PIECE = 256 * 1024
_LONGEST_WISH = timedelta(days=1)
"""What a recipient may ask for with Retry-After; the rest of a longer pause it has to ask for again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a POST: a status and a body, or neither and why."""

    status: int | None
    body: bytes
    failure: str | None = None
    retry_after: timedelta | None = None


class _GuardedResolver(AbstractResolver):
    """Resolves names as the system does, and leaves out addresses that no webhook may have."""

    def __init__(self, allows_private_addresses: bool) -> None:
        self._allows_private_addresses = allows_private_addresses
        # Threads of its own, and many: names that are never resolved hold one each for a minute.
        self._threads = ThreadPoolExecutor(_RESOLVING, "resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        allowed = [r for r in found if self._allows_private_addresses or is_public_address(r["host"])]
        if not allowed:
            raise OSError(None, "the webhook's name leads to an address that is not public")
        return allowed

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    return [
        ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=_NUMERIC)
        for kind, _, proto, _, address in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    ]


class Transport:
    """One pool of connections to all webhooks."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        connect_timeout_seconds: float,
        answer_timeout_seconds: float,
        allows_private_addresses: bool,
    ) -> None:
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            # With the name's resolution, which `sock_connect` leaves out.
            connect=connect_timeout_seconds,
            sock_connect=connect_timeout_seconds,
            sock_read=answer_timeout_seconds,
        )
        self._limit_seconds = connect_timeout_seconds + answer_timeout_seconds
        self._allows_private_addresses = allows_private_addresses

    @property
    def longest(self) -> timedelta:
        """How long a POST can take."""
        return timedelta(seconds=self._limit_seconds)

    async def __aenter__(self) -> Self:
        resolver = _GuardedResolver(self._allows_private_addresses)
        connector = aiohttp.TCPConnector(ssl=self._tls, resolver=resolver, limit=0, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], message_count: int) -> Reply:
        """POSTs so many messages, once. Whatever goes wrong on the way is a reply without a status."""
        try:
            if not self._may_connect(url):
                return Reply(None, b"", "the webhook's address is not public")
            async with asyncio.timeout(self._limit_seconds):
                return await self._post(url, body, headers, get_answer_limit(message_count))
        except TimeoutError:
            return Reply(None, b"", "no answer in time")
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            return Reply(None, b"", _describe(error))

    def _may_connect(self, url: str) -> bool:
        """Names are checked when they are resolved; an address written out never is."""
        if self._allows_private_addresses:
            return True
        host = URL(url).host or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return bool(host)
        return is_public_address(host)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], most_bytes: int) -> Reply:
        sent = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
        async with self._session.post(URL(url), data=_cut(body), headers=sent, allow_redirects=False) as response:
            answer = await _read(response.content, most_bytes)
            if answer is None:
                return Reply(None, b"", f"the answer is larger than {most_bytes} bytes")
            asked = parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            return Reply(response.status, answer, retry_after=asked and min(asked, _LONGEST_WISH))


async def _cut(body: bytes) -> AsyncIterator[memoryview]:
    """In pieces, so that one large body neither blocks the loop nor is copied whole."""
    view = memoryview(body)
    for start in range(0, len(view), _PIECE):
        yield view[start : start + _PIECE]


def get_answer_limit(message_count: int) -> int:
    """Bytes: as much as the fullest answer about so many messages, and no more than one worker can bear."""
    return min(MAX_ANSWER_BYTES, _BYTES_BESIDE + message_count * _BYTES_AN_ENTRY)


async def _read(stream: aiohttp.StreamReader, most_bytes: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    async for part in stream.iter_any():
        size += len(part)
        if size > most_bytes:
            return None
        parts.append(part)
    return b"".join(parts)


_FAILURES: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str]] = (
    (
        (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError),
        "the webhook's certificate is not one of this environment",
    ),
    ((aiohttp.ClientSSLError, ssl.SSLError), "TLS could not be agreed with the webhook"),
    (aiohttp.ClientConnectorError, "the webhook could not be reached"),
    (aiohttp.ServerDisconnectedError, "the webhook closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    ((aiohttp.ClientOSError, ConnectionError), "the connection was reset"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
)
"""The first that an error is one of."""


def _describe(error: Exception) -> str:
    """The kind of failure, without addresses or what the other side wrote."""
    found = (words for kinds, words in _FAILURES if isinstance(error, kinds))
    return next(found, f"the call failed: {type(error).__name__}")
