"""The language of the market as values: what messages are made of, where they travel and who gets them.

Nothing here reads a file or checks a message: `release` builds these, `compiling` and `faults` use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

Correlation = Literal["CREATE", "COPY", "NONE", "UNKNOWN"]


@dataclass(frozen=True, slots=True)
class Text:
    """A string. Lengths count code points; the pattern is an ECMA-262 one, looked for anywhere in it."""

    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    format: str | None = None
    """An annotation (email, byte, uri): told to readers, never checked."""
    is_nullable: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number; a whole one may be written with a zero fraction (`30.0`), as JSON Schema has it."""

    is_whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: float | None = None
    is_nullable: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    is_nullable: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """The definition of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of one shape."""

    items: Shape
    min_items: int = 0
    max_items: int | None = None


class Property(NamedTuple):
    """One property of a record."""

    name: str
    shape: Shape
    is_required: bool


@dataclass(frozen=True, slots=True)
class Record:
    """An object. An open one admits properties it does not name, whatever they hold."""

    properties: tuple[Property, ...]
    is_open: bool = False

    def find_property(self, name: str) -> Property | None:
        return next((p for p in self.properties if p.name == name), None)


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of these definitions."""

    options: tuple[Reference, ...]


Shape = Text | Number | Flag | Reference | Sequence | Record | Choice


@dataclass(frozen=True, slots=True)
class Variant:
    """The payload of some event codes of a channel; `name` is its definition's ("IF-005-MeterInstall")."""

    name: str
    event_codes: tuple[str, ...]
    payload: Record


@dataclass(frozen=True, slots=True)
class Route:
    """The roles a message goes to (E2E 4.3): named by the sender, found by MPAN, and always all holders."""

    primary: frozenset[str] = frozenset()
    secondary: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Routing:
    """What a channel says about parties. None of it is in the message definitions: it is data of its own."""

    route: Route
    senders: frozenset[str]
    by_event_code: Mapping[str, Route] = field(default_factory=dict)
    by_response_code: Mapping[str, Route] = field(default_factory=dict)
    """R0.responseCode to the route that then replaces the others."""
    correlation: Correlation = "UNKNOWN"
    correlation_by_event_code: Mapping[str, Correlation] = field(default_factory=dict)
    security_category: int | None = None
    retention_days: int = 730
    responds_to: str | None = None
    applies_at: tuple[str, ...] | None = None
    basis: Mapping[str, str] = field(default_factory=dict)
    """What each part of the row rests on: "sourced: ..." or "inferred: ..."."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One interface: what is sent on it, by whom, and to whom its publication goes."""

    id: str
    name: str
    publication_id: str
    schema_version: str
    variants: tuple[Variant, ...]
    routing: Routing
    event_codes: tuple[str, ...]
    has_mpan: bool
    """Whether the message names an MPAN (block M0 or M1), without which there is no secondary addressing."""

    @property
    def senders(self) -> frozenset[str]:
        """The roles that may send on this channel."""
        return self.routing.senders

    @property
    def correlation(self) -> Correlation:
        return self.routing.correlation

    @property
    def security_category(self) -> int | None:
        return self.routing.security_category

    @property
    def retention_days(self) -> int:
        return self.routing.retention_days

    @property
    def responds_to(self) -> str | None:
        """The channel this one answers."""
        return self.routing.responds_to

    @property
    def applies_at(self) -> tuple[str, ...] | None:
        """Where, below the payload, the days stand for which secondary recipients are found.

        "[]" goes through a list. None: the day of acceptance.
        """
        return self.routing.applies_at

    @property
    def receivers(self) -> frozenset[str]:
        """Every role that any message of the channel goes to."""
        routing = self.routing
        routes = (routing.route, *routing.by_event_code.values(), *routing.by_response_code.values())
        return frozenset[str]().union(*(r.primary | r.secondary | r.always for r in routes))

    def get_correlation(self, event_code: str) -> Correlation:
        return self.routing.correlation_by_event_code.get(event_code, self.routing.correlation)

    def get_route(self, event_code: str, response_code: str | None = None) -> Route:
        """The roles for this event code and R0.responseCode; the response code's own route wins."""
        if response_code is not None and response_code in self.routing.by_response_code:
            return self.routing.by_response_code[response_code]
        return self.routing.by_event_code.get(event_code, self.routing.route)

    def get_variant(self, event_code: str) -> Variant:
        """The variant named after the event code, else the first that lists it.

        IF-020's RelatedCreate lists RelatedAdd and RelatedRemove too, which have variants of their own.
        Raises `KeyError`.
        """
        naming = [v for v in self.variants if event_code in v.event_codes]
        if not naming:
            raise KeyError(f"{self.id} has no event code {event_code}; it has {', '.join(self.event_codes)}")
        return next((v for v in naming if v.name == f"{self.id}-{event_code}"), naming[0])


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One release: definitions by their published names, channels, and response codes with their texts."""

    release: str
    definitions: Mapping[str, Shape]
    channels: Mapping[str, Channel]
    response_codes: Mapping[str, str]

    def resolve(self, shape: Shape) -> Shape:
        """Follow references to what they stand for. Raises `KeyError` for a name nobody defines."""
        while isinstance(shape, Reference):
            shape = self.definitions[shape.name]
        return shape

    def get_closed(self, name: str) -> Shape:
        """A definition as where the DIP takes it: an open record without room for what it does not name.

        Raises `KeyError` for a name nobody defines.
        """
        shape = self.definitions[name]
        return replace(shape, is_open=False) if isinstance(shape, Record) else shape
