"""A participant of the journeys: calls the DIP, rightly or (for one thing at a time) wrongly.

Whatever it is answered must be as our OpenAPI says.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
from yarl import URL

from opendip.client import Credentials
from tests.journeys.answers import Reply
from tests.journeys.described import assert_described

VERSION = "2.1.0"
_TIMEOUT = aiohttp.ClientTimeout(total=120)
Body = bytes | AsyncIterator[bytes]


def get_path(channel: str, version: str = VERSION) -> str:
    return f"/{version}/dip-channel/{channel}"


def encode_batch(messages: Sequence[Any]) -> bytes:
    """Messages as dictionaries, or as bytes that stand in the array as they are."""
    return b"[" + b",".join(m if isinstance(m, bytes) else msgspec.json.encode(m) for m in messages) + b"]"


class Participant:
    """One DIP id calling one API. Every part of a call can be replaced, so that a test breaks just that."""

    def __init__(self, directory: Path, base: str) -> None:
        self.credentials = Credentials.load(directory)
        self.directory = directory
        self.base = base
        self.dip_id = self.credentials.dip_id
        self.api_key = self.credentials.api_key or ""

    async def __aenter__(self) -> Self:
        self.tls = self.credentials.ssl_context_for_client()
        connector = aiohttp.TCPConnector(ssl=self.tls)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def sign(
        self,
        path: str,
        body: bytes,
        method: str = "POST",
        *,
        base: str | None = None,
        at: datetime | None = None,
        signer: Credentials | None = None,
    ) -> dict[str, str]:
        """All headers of a call in good order."""
        url = (base or self.base) + path
        signed = (signer or self.credentials).sign(method, url, body, at or datetime.now(UTC))
        return {**signed, "X-API-Key": self.api_key, "Content-Type": "application/json"}

    async def send(self, channel: str, messages: Sequence[Any], **parts: Any) -> Reply:
        return await self.call(get_path(channel), encode_batch(messages), **parts)

    async def call(
        self,
        path: str,
        body: bytes = b"",
        method: str = "POST",
        *,
        base: str | None = None,
        headers: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
        signed: Mapping[str, str] | None = None,
        sent: Body | None = None,
        **signing: Any,
    ) -> Reply:
        """`headers` replace, `without` leaves out; `sent` goes out instead of the body that is signed."""
        all_headers = {**(signed or self.sign(path, body, method, base=base, **signing)), **(headers or {})}
        for name in without:
            all_headers.pop(name)
        url = URL((base or self.base) + path, encoded=True)
        data = body if sent is None else sent
        async with self._session.request(
            method, url, data=data or None, headers=all_headers, allow_redirects=False
        ) as response:
            reply = Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())
        assert_described(method, path, body, reply)
        return reply
