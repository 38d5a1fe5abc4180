"""What the catalogue's routes mean for a participant: which channels lead to its roles."""

from collections.abc import Collection, Iterable

from opendip.catalogue import Catalogue, Channel


def find_recipient_roles(channel: Channel) -> frozenset[str]:
    """Every role that any message of the channel can go to."""
    routes = [channel.get_route(event_code) for event_code in channel.event_codes]
    routes += channel.routing.by_response_code.values()
    return frozenset().union(*(route.primary | route.secondary | route.always for route in routes))


def list_publications(catalogue: Catalogue, roles: Collection[str]) -> Iterable[str]:
    """The channels of which a holder of these roles receives publications."""
    return [
        channel.id
        for channel in catalogue.channels.values()
        if find_recipient_roles(channel).intersection(roles)
    ]
