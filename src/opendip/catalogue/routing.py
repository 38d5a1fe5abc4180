"""Reading `routing.yaml`: who may send on each channel, who receives, how it is correlated. Data, never code.

A row says where each part of it comes from (`basis`): most of the split into primary, secondary and always is
inferred.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from opendip.catalogue.model import Correlation, Route, Routing
from opendip.catalogue.notation import MalformedRelease


class Parties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The three lists of a route as a row writes them."""

    primary: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    always: tuple[str, ...] = ()

    def build_route(self) -> Route:
        return Route(frozenset(self.primary), frozenset(self.secondary), frozenset(self.always))


class RoutingRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One channel's row."""

    name: str
    publication: str
    senders: tuple[str, ...] = ()
    primary: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    by_event_code: Mapping[str, Parties] = {}
    by_response_code: Mapping[str, Parties] = {}
    correlation: Correlation = "UNKNOWN"
    correlation_by_event_code: Mapping[str, Correlation] = {}
    security_category: int | None = None
    retention_days: int = 730
    responds_to: str | None = None
    applies_at: tuple[str, ...] | None = None
    basis: Mapping[str, str] = {}

    def build_routing(self) -> Routing:
        return Routing(
            route=Parties(self.primary, self.secondary, self.always).build_route(),
            senders=frozenset(self.senders),
            by_event_code={code: parties.build_route() for code, parties in self.by_event_code.items()},
            by_response_code={code: parties.build_route() for code, parties in self.by_response_code.items()},
            correlation=self.correlation,
            correlation_by_event_code=dict(self.correlation_by_event_code),
            security_category=self.security_category,
            retention_days=self.retention_days,
            responds_to=self.responds_to,
            applies_at=self.applies_at,
            basis=dict(self.basis),
        )


def read_rows(node: Mapping[str, Any]) -> dict[str, RoutingRow]:
    """Read the rows by channel. Raises `MalformedRelease` naming the channel and the key."""
    rows = {}
    for channel_id, row in node.items():
        try:
            rows[channel_id] = msgspec.convert(row, RoutingRow)
        except msgspec.ValidationError as fault:
            raise MalformedRelease(f"routing.yaml, {channel_id}: {fault}") from fault
    return rows


def describe_rows(rows: Mapping[str, RoutingRow]) -> dict[str, Any]:
    """The plain data that `read_rows` reads back."""
    described: dict[str, Any] = msgspec.to_builtins(rows)
    return described
