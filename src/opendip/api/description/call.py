"""What is told of one call of the API: what it does, what it takes, how it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RETRY_AFTER = "Retry-After"
CONTINUATION = "X-Continuation-Token"


@dataclass(frozen=True, slots=True)
class Answer:
    """One way of being answered; `schema` names the body's definition, None: there is no body."""

    text: str
    schema: str | None = "StandardResponse"
    headers: Sequence[str] = ()
    """Those that come with it always, by the names of components."""


@dataclass(frozen=True, slots=True)
class Call:
    """One method of one path. `answers` come on top of those that any call can get."""

    name: str
    group: str
    title: str
    text: str
    answers: Mapping[int, Answer]
    body: str | None = None
    """The definition of the request's body; None: it has none."""
    parameters: Sequence[str] = ()
    """Beside those of the path and of every call, by the names of components."""
    called_back: str | None = None
    """The definition of what is then delivered to the URL in the body."""


def refer(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A header, or a part of the path or the query."""

    name: str
    place: str
    text: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    is_required: bool = True

    def describe(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "in": self.place,
            "required": self.is_required,
            "description": self.text,
            "schema": dict(self.schema),
        }
