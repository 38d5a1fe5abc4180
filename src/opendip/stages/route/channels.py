"""The channels as routing needs them, made of the catalogue once, at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from opendip.catalogue import Catalogue, Channel, Route
from opendip.domain.dates import ListDays, compile_days


@dataclass(frozen=True)
class RoutingChannel:
    """A channel, and the reader of the days its messages are addressed at (None: the day of acceptance)."""

    channel: Channel
    list_days: ListDays | None

    @cached_property
    def secondary_roles(self) -> frozenset[str]:
        """Every role that any of the channel's messages is sent to by MPAN."""
        return frozenset[str]().union(*(self.get_route(event, None).secondary for event in self.channel.event_codes))

    @cached_property
    def correlated_events(self) -> frozenset[str]:
        """Event codes on which the DIP creates a correlation id."""
        return frozenset(e for e in self.channel.event_codes if self.channel.get_correlation(e) == "CREATE")

    def get_route(self, event_code: str, response_code: str | None) -> Route:
        return self.channel.get_route(event_code, response_code)


def prepare_channels(catalogue: Catalogue) -> Mapping[str, RoutingChannel]:
    return {
        channel.id: RoutingChannel(channel, compile_days(channel.applies_at) if channel.applies_at else None)
        for channel in catalogue.channels.values()
    }
