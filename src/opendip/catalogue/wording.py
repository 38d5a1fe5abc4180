"""Shapes and values in words, for whoever has to mend a message. Of a value, only kind and length."""

import re
from collections.abc import Collection
from typing import Any

from opendip.catalogue.model import Flag, Number, Sequence, Shape, Text

LISTED_VALUES = 12
PLAIN_NAME = re.compile(r"(?!.*\d{5})[A-Za-z][\w-]{0,49}", re.ASCII)
"""Names of unknown properties that are safe to repeat: not long, and without a number that identifies."""


class Pairs(list[tuple[str, Any]]):
    """An object as it was written: a name may come twice, and each of its values counts."""


def describe(shape: Shape) -> str:
    """What a value must be, in words."""
    match shape:
        case Text():
            words = _describe_text(shape)
        case Number():
            words = _describe_number(shape)
        case Flag():
            words = "true or false"
        case Sequence(_, low, high):
            words = "a list" + _describe_count(low, high, "item")
        case _:
            words = "an object"
    return words + (" or null" if isinstance(shape, Text | Number | Flag) and shape.is_nullable else "")


def _describe_text(shape: Text) -> str:
    if shape.values:
        return f"one of {join_names(shape.values)}"
    words = "text" + _describe_count(shape.min_length, shape.max_length, "character")
    return words + (f" matching {shape.pattern}" if shape.pattern else "")


def _describe_number(shape: Number) -> str:
    words = "a whole number" if shape.is_whole else "a number"
    if shape.minimum is not None and shape.minimum == shape.maximum:
        return f"the number {shape.minimum}"
    limits = (
        ("of at least", shape.minimum),
        ("up to", shape.maximum),
        ("in steps of", shape.multiple_of),
    )
    return " ".join([words, *(f"{word} {limit}" for word, limit in limits if limit is not None)])


def _describe_count(low: int, high: int | None, unit: str) -> str:
    if low == high:
        return f" of {low} {unit}{'' if low == 1 else 's'}"
    if high is None:
        return f" of {low} {unit}s or more" if low else ""
    return f" of {low} to {high} {unit}s" if low else f" of at most {high} {unit}s"


def describe_value(value: Any) -> str:
    """What was found: its kind and length, never the value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text" + (_describe_count(len(value), len(value), "character") if value else " of no characters")
        case Pairs():
            return "an object"
        case _:
            return f"a list of {len(value)}"


def show_name(name: str) -> str:
    return name if PLAIN_NAME.fullmatch(name) else f"(a name of {len(name)} characters)"


def join_names(names: Collection[str]) -> str:
    shown = list(names)[:LISTED_VALUES]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
