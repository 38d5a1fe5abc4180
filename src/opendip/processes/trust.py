"""The DIP's own credentials, and the revocation lists as they are now: read again when their files change."""

import asyncio
import ssl
from pathlib import Path

import structlog

from opendip.client.credentials import Credentials, UnusableCredentials
from opendip.client.tls import add_revocation_lists
from opendip.client.trust import TrustStore
from opendip.operations.homes import get_own_credentials, list_revocation_lists
from opendip.settings import Settings

_INTERVAL_SECONDS = 0.5

log = structlog.get_logger()


class TrustWatch:
    """Holds the trust that comes of the authorities and their revocation lists, and keeps TLS contexts at it."""

    def __init__(self, settings: Settings) -> None:
        self._directory = get_own_credentials(settings.home)
        self._lists = tuple(list_revocation_lists(settings.home))
        self._seen = self._look()
        self.credentials = Credentials.load(self._directory, self._lists)
        self._contexts: list[ssl.SSLContext] = []

    def get_trust(self) -> TrustStore:
        return self.credentials.trust

    def make_server_context(self) -> ssl.SSLContext:
        return self._keep(self.credentials.ssl_context_for_server())

    def make_client_context(self) -> ssl.SSLContext:
        return self._keep(self.credentials.ssl_context_for_client())

    def _keep(self, context: ssl.SSLContext) -> ssl.SSLContext:
        self._contexts.append(context)
        return context

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            seen = self._look()
            if seen != self._seen:
                self._reload(seen)

    def _reload(self, seen: dict[Path, int]) -> None:
        try:
            self.credentials = Credentials.load(self._directory, self._lists)
            for context in self._contexts:
                add_revocation_lists(context, self._lists)
        except (UnusableCredentials, ssl.SSLError, OSError) as error:
            log.error("revocation_lists_not_read", error=type(error).__name__)
            return
        self._seen = seen

    def _look(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self._lists if path.exists()}
