"""The channels as replaying needs them, made of the catalogue once, at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from opendip.catalogue import Catalogue
from opendip.domain.publications import Wrapper
from opendip.store.submissions import Submitted


@dataclass(frozen=True, slots=True)
class ReplayChannel:
    """How the messages of a channel are published, and for how long they are kept (E2E 4.9)."""

    id: str
    publication_id: str
    correlated_events: frozenset[str]
    retention: timedelta
    ticket_url: str | None

    def get_oldest(self, now: datetime) -> datetime:
        """Nothing older than this is kept."""
        return now - self.retention

    def wrap(self, submitted: Submitted) -> Wrapper:
        return Wrapper(
            submission=submitted.id,
            accepted_at=submitted.accepted_at,
            channel=submitted.channel,
            publication_id=self.publication_id,
            correlated_events=self.correlated_events,
            ticket_url=self.ticket_url,
        )


def prepare_channels(catalogue: Catalogue, ticket_url: str | None) -> Mapping[str, ReplayChannel]:
    return {
        channel.id: ReplayChannel(
            id=channel.id,
            publication_id=channel.publication_id,
            correlated_events=frozenset(e for e in channel.event_codes if channel.get_correlation(e) == "CREATE"),
            retention=timedelta(days=channel.retention_days),
            ticket_url=ticket_url,
        )
        for channel in catalogue.channels.values()
    }
