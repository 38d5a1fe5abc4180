"""The days at which a message is addressed: those it is about, where its body says so (FS 5.5.14)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

ListDays = Callable[[Raw], frozenset[date] | None]
"""Reads a CustomBlock; None when a day in it cannot be read."""

EACH = "[]"
"""In a path: every element of the list."""


def compile_days(path: Sequence[str]) -> ListDays:
    """A reader of the days at a path such as CustomBlock, B900, settlementDayConsumptionPeriods, [], settlementDay.

    It decodes what lies on the path and skips the rest.
    """
    _, *inside = path
    decode = msgspec.json.Decoder(_make_type(inside)).decode

    def list_days(body: Raw) -> frozenset[date] | None:
        try:
            return frozenset(date.fromisoformat(text[:10]) for text in _walk(decode(body), inside))
        except ValueError:
            return None

    return list_days


def _make_type(path: Sequence[str]) -> Any:
    if not path:
        return str | None
    name, *rest = path
    if name == EACH:
        return list[_make_type(rest)]  # type: ignore[misc]
    inner = _make_type(rest)
    return msgspec.defstruct("Step", [("next", inner | UnsetType, UNSET)], rename={"next": name}, gc=False)


def _walk(value: Any, path: Sequence[str]) -> Iterator[str]:
    if value is UNSET or value is None:
        return
    if not path:
        yield value
    elif path[0] == EACH:
        for element in value:
            yield from _walk(element, path[1:])
    else:
        yield from _walk(value.next, path[1:])
