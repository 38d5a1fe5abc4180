"""The days at which a message is addressed: those it is about, where its body says so (FS 5.5.14)."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

ListDays = Callable[[Raw], frozenset[date] | None]
"""Reads a CustomBlock; None when a day in it cannot be read."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

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
            return frozenset(_read_day(text) for text in _walk(decode(body), inside))
        except ValueError:
            return None

    return list_days


@lru_cache(maxsize=1024)
def _read_day(text: str) -> date:
    """Raises ValueError. Weeks (2026-W06-2) and digits of other scripts are days to Python, but to nobody else here."""
    if _DAY.match(text) is None:
        raise ValueError("not a day")
    return date.fromisoformat(text[:10])


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
