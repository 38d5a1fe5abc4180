"""One signed call at a time over pooled mutual TLS: made once, and every way it can fail told apart."""

import io
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Self

import aiohttp
from yarl import URL

from opendip.domain.problems import Problem

from .certificates import UntrustedCertificate
from .credentials import Credentials, UnusableCredentials
from .signing import content_hash
from .verifying import TOLERANCE

CONTINUATION = "X-Continuation-Token"
MAX_ANSWER_BYTES = 128 * 1024 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=120)
# The same signature is used again for as long as it will still be in time when it arrives.
_REUSE_FOR = TOLERANCE - timedelta(minutes=1)
_REFUSED_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


class LostConnection(Problem):
    """No answer came. The call may or may not have been taken; making the very same one again is safe."""


class Reply(NamedTuple):
    """What came back: status, the wish of `Retry-After`, the body, and the token to go on with if there is more."""

    status: int
    retry_after: str | None
    body: bytes
    continuation: str | None = None


@dataclass(slots=True)
class Call:
    """A call to make, as often as needed. It stays the same call, signature and all, while its date is in time.

    So an answer that was lost can be given again, instead of the call being taken for another with the same
    sender unique references.
    """

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those of every call; they are not signed."""
    _content_hash: str = ""
    _signed_at: datetime | None = None
    _headers: dict[str, str] | None = None

    def sign(self, credentials: Credentials, now: datetime) -> dict[str, str]:
        if self._headers is None or self._signed_at is None or now - self._signed_at > _REUSE_FOR:
            self._content_hash = self._content_hash or content_hash(self.body)
            self._headers = credentials.sign(self.method, self.url, self.body, now, content_hash=self._content_hash)
            self._signed_at = now
        return self._headers


class Caller:
    """A pool of connections to the DIP in one DIP id's name."""

    def __init__(self, credentials: Credentials, connections: int, clock: Callable[[], datetime]) -> None:
        if credentials.api_key is None:
            raise UnusableCredentials(
                f"{credentials.directory / 'api-key.txt'} is missing. The DIP knows a caller by its API key: "
                "make one for this DIP id and put it there."
            )
        self._credentials = credentials
        self._api_key = credentials.api_key
        self._clock = clock
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        context = self._credentials.ssl_context_for_client()
        connector = aiohttp.TCPConnector(ssl=context, limit=self._connections)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def make(self, call: Call) -> Reply:
        """Raises `LostConnection` when calling again may help, `UntrustedCertificate` when it cannot."""
        if self._session is None:
            raise RuntimeError("Enter the sender first: `async with Sender(...) as sender`.")
        headers = {**call.sign(self._credentials, self._clock()), **call.headers, "X-API-Key": self._api_key}
        if call.body:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                call.method,
                URL(call.url, encoded=True),
                data=io.BytesIO(call.body) if call.body else None,
                headers=headers,
                allow_redirects=False,
            ) as response:
                wish, token = response.headers.get("Retry-After"), response.headers.get(CONTINUATION)
                return Reply(response.status, wish, await _read_answer(response), token)
        except aiohttp.InvalidURL:
            raise ValueError("The DIP's address must be a URL such as https://127.0.0.1:8443.") from None
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise _explain(fault) from None


async def _read_answer(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    while part := await response.content.readany():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError(f"The answer is larger than {MAX_ANSWER_BYTES} bytes.")
        parts.append(part)
    return b"".join(parts)


def _explain(fault: Exception) -> Exception:
    tls_fault = _find_tls_fault(fault)
    if isinstance(tls_fault, ssl.SSLCertVerificationError):
        return UntrustedCertificate(
            f"The DIP's TLS certificate is not to be believed ({tls_fault.verify_message}). Check the address "
            "that is called, and that ca.pem is this environment's."
        )
    reason = (tls_fault.reason or "") if tls_fault is not None else ""
    if any(word in reason for word in _REFUSED_CERTIFICATE):
        return UntrustedCertificate(
            f"The DIP refused our TLS certificate ({reason}). Check that tls.pem was issued for this environment, "
            "is in date and has not been revoked."
        )
    if isinstance(fault, aiohttp.ClientConnectorError):
        return LostConnection("Nobody answers at the DIP's address.")
    # asyncio does not always pass on why the other end closed a TLS 1.3 connection, so the likely reason is named.
    return LostConnection(
        f"The connection ended without an answer ({type(fault).__name__}). If it always does, see that tls.pem was "
        "issued for this environment, is in date and has not been revoked."
    )


def _find_tls_fault(fault: BaseException | None) -> ssl.SSLError | None:
    """aiohttp wraps what TLS said, once as an attribute and once as a cause."""
    while fault is not None:
        for candidate in (fault, getattr(fault, "os_error", None), getattr(fault, "certificate_error", None)):
            if isinstance(candidate, ssl.SSLError) and getattr(candidate, "reason", None):
                return candidate
        fault = fault.__cause__
    return None
