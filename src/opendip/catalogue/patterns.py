"""Patterns: ECMA-262 expressions made Python's, and the check of many patterned values at once."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import UNSET

from opendip.catalogue.model import Catalogue, Record, Sequence, Shape, Text


def translate_pattern(pattern: str) -> str:
    r"""An ECMA-262 pattern as Python's: `\d` is ASCII only, `$` the very end, not before a last newline."""
    return "(?a:" + re.sub(r"(\\.)|\$", lambda found: found.group(1) or r"\Z", pattern) + ")"


def can_match_together(text: Text) -> bool:
    """Whether matches joined by newlines can be told apart again: anchored at both ends, and of one line."""
    pattern = text.pattern or ""
    may_hold_newline = re.search(r"(?<!\\)\.|\[\^|\\[sSDWn]|\n", pattern)
    return pattern.startswith("^") and pattern.endswith("$") and not may_hold_newline


class Path(NamedTuple):
    """Where a property stands: attribute names, in one part for each list on the way and one for the rest."""

    parts: tuple[tuple[str, ...], ...] = ((),)
    is_always_there: bool = True

    def enter(self, attribute: str, is_required: bool) -> "Path":
        parts = (*self.parts[:-1], (*self.parts[-1], attribute))
        return Path(parts, self.is_always_there and is_required)

    def enter_list(self) -> "Path":
        return Path((*self.parts, ()), self.is_always_there)


class ListedTexts:
    """The values of one patterned property in lists: found in a decoded value and checked together."""

    def __init__(self, path: Path, text: Text) -> None:
        *lists, last = (_build_getter(part, path.is_always_there) for part in path.parts)
        self._lists, self._get_text = lists, last
        self._is_always_text = path.is_always_there and not text.is_nullable
        body = (text.pattern or "").removeprefix("^").removesuffix("$")
        # Possessive: where lines end is never in doubt, so there is nothing to come back to.
        self._lines = re.compile(rf"(?a:(?:(?:{body})\n)*+)")

    def match_all(self, value: Any) -> bool:
        """Whether every value surely matches."""
        holders: Iterable[Any] = (value,)
        for get_list in self._lists:
            holders = chain.from_iterable(map(get_list, holders))
        texts = list(map(self._get_text, holders))
        if not self._is_always_text:
            texts = [text for text in texts if isinstance(text, str)]
        lines = "\n".join(texts) + "\n" if texts else ""
        return lines.count("\n") == len(texts) and self._lines.fullmatch(lines) is not None


def _build_getter(names: tuple[str, ...], is_always_there: bool) -> Callable[[Any], Any]:
    if not names:
        return lambda value: value
    if is_always_there:
        return attrgetter(".".join(names))

    def find(holder: Any) -> Any:
        for name in names:
            holder = getattr(holder, name)
            if holder is UNSET or holder is None:
                return ()
        return holder

    return find


def find_listed_texts(
    shape: Shape, catalogue: Catalogue, name_attribute: Callable[[str], str], path: Path | None = None
) -> Iterator[ListedTexts]:
    """Every patterned text of a shape that stands in a list and can be checked with its siblings."""
    path = path or Path()
    match catalogue.resolve(shape):
        case Text() as text if len(path.parts) > 1 and can_match_together(text):
            yield ListedTexts(path, text)
        case Sequence(items):
            yield from find_listed_texts(items, catalogue, name_attribute, path.enter_list())
        case Record(properties):
            for p in properties:
                inside = path.enter(name_attribute(p.name), p.is_required)
                yield from find_listed_texts(p.shape, catalogue, name_attribute, inside)
        case _:
            pass
