"""The DIP's own credentials, and the revocation lists as they are now: read again when their files change."""

import asyncio
import ssl
from pathlib import Path

import structlog

from opendip.client.credentials import UnusableCredentials
from opendip.client.tls import add_revocation_lists
from opendip.client.trust import TrustStore
from opendip.domain.homes import Home
from opendip.operations.homes import get_home, load_dip_credentials
from opendip.settings import Settings

_INTERVAL_SECONDS = 0.5

log = structlog.get_logger()


class TrustWatch:
    """Holds the trust that comes of the authorities and their revocation lists, and keeps TLS contexts at it."""

    def __init__(self, settings: Settings) -> None:
        self._home: Home = get_home(settings.home)
        self._seen = self._look()
        self.credentials = load_dip_credentials(self._home)
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
            self.credentials = load_dip_credentials(self._home)
            for context in self._contexts:
                add_revocation_lists(context, self._home.revocation_lists)
        except (UnusableCredentials, ssl.SSLError, OSError) as error:
            log.error("revocation_lists_not_read", error=type(error).__name__)
            return
        self._seen = seen

    def _look(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self._home.revocation_lists if path.exists()}
