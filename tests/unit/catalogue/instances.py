"""Made instances of a JSON Schema, and the ways to spoil or vary one of them in a single place.

Written from the official schemas alone, so that nothing here shares a mistake with the catalogue.
"""

import re._constants as sre
import re._parser as patterns
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from tests.unit.catalogue.official import resolve

CHARACTERS = "aZ09 -_.é😀"
WRONG = (None, True, False, 0, 1.5, "", "x", [], {}, [None])


class Mutation(NamedTuple):
    """A value changed in one place: what was done, where, and to a schema of which kind."""

    kind: str
    path: tuple[str | int, ...]
    is_untyped_object: bool
    value: Any


def make(schema: dict[str, Any], random: Random, *, optional: float = 0.5, name: str = "") -> Any:
    """A valid instance; optional properties are there with that probability."""
    schema = resolve(schema)
    if "oneOf" in schema:
        return make(random.choice(schema["oneOf"]), random, optional=optional)
    if "enum" in schema:
        return random.choice(schema["enum"])
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        if random.random() < 0.3:
            return None
        kind = kind[0]
    makers = {"object": _make_object, "array": _make_list, "string": _make_text}
    if kind in makers:
        return makers[kind](schema, random, optional)
    return random.random() < 0.5 if kind == "boolean" else _make_number(schema, random, kind)


def _make_object(schema: dict[str, Any], random: Random, optional: float) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    names = [name for name in schema["properties"] if name in required or random.random() < optional]
    return {name: make(schema["properties"][name], random, optional=optional) for name in names}


def _make_list(schema: dict[str, Any], random: Random, optional: float) -> list[Any]:
    low = schema.get("minItems", 0)
    high = min(schema.get("maxItems", 3), low + 2)
    return [make(schema["items"], random, optional=optional) for _ in range(random.randint(low, high))]


def _make_text(schema: dict[str, Any], random: Random, _: float) -> str:
    if "pattern" in schema:
        return make_matching(schema["pattern"], random)
    low = schema.get("minLength", 0)
    length = random.randint(low, min(schema.get("maxLength", low + 20), low + 20))
    return "".join(random.choices(CHARACTERS, k=length))


def make_matching(pattern: str, random: Random) -> str:
    """A text that an anchored pattern matches whole."""
    return "".join(_make_part(part, random) for part in patterns.parse(pattern))


def _make_part(part: Any, random: Random) -> str:
    kind, value = part
    match kind:
        case sre.AT:
            return ""
        case sre.LITERAL:
            return chr(value)
        case sre.IN:
            return _make_of_class(random.choice(value), random)
        case sre.MAX_REPEAT | sre.MIN_REPEAT:
            low, high, inner = value
            count = random.randint(low, min(int(high), low + 12))
            return "".join(_make_part(p, random) for _ in range(count) for p in inner)
        case sre.SUBPATTERN:
            return "".join(_make_part(p, random) for p in value[-1])
        case sre.BRANCH:
            return "".join(_make_part(p, random) for p in random.choice(value[1]))
    raise NotImplementedError(kind)


def _make_of_class(member: Any, random: Random) -> str:
    kind, value = member
    if kind is sre.RANGE:
        return chr(random.randint(*value))
    if kind is sre.LITERAL:
        return chr(value)
    assert value is sre.CATEGORY_DIGIT
    return random.choice("0123456789")


def _make_number(schema: dict[str, Any], random: Random, kind: str) -> int | float:
    step = schema.get("multipleOf", 1)
    if isinstance(step, float):
        return random.randint(-(10**6), 10**6) / round(1 / step)
    low = schema.get("minimum", -1000)
    high = min(schema.get("maximum", low + 2000), low + 2000)
    value = random.randrange(-(-low // step) * step, high + 1, step)
    return random.choice((value, float(value))) if kind == "integer" else random.choice((value, value + 0.0))


def list_mutations(schema: dict[str, Any], value: Any, random: Random) -> Iterator[Mutation]:
    """Every variation of a valid instance in one place, some of which are still valid."""
    for path, part, part_schema in _walk(schema, value, ()):
        is_untyped = "properties" in part_schema and "type" not in part_schema
        for kind, changed in _vary(part_schema, part, random):
            yield Mutation(kind, path, is_untyped, _replace(value, path, changed))


def _walk(schema: dict[str, Any], value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    schema = resolve(schema)
    if "oneOf" in schema:
        schema = _choose(schema, value)
    yield path, value, schema
    if isinstance(value, dict) and "properties" in schema:
        for name, part in value.items():
            yield from _walk(schema["properties"][name], part, (*path, name))
    elif isinstance(value, list) and value and "items" in schema:
        for index in {0, len(value) - 1}:
            yield from _walk(schema["items"], value[index], (*path, index))


def _choose(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """The option an instance was made from: the one with its interface and event code."""
    codes = value["CommonBlock"]["S0"]
    waiting = [resolve(option) for option in schema["oneOf"]]
    while waiting:
        option = waiting.pop(0)
        if "oneOf" in option:
            waiting += [resolve(nested) for nested in option["oneOf"]]
            continue
        allowed = resolve(option["properties"]["CommonBlock"])["properties"]["S0"]["properties"]
        if all(codes[name] in allowed[name]["enum"] for name in ("interfaceID", "eventCode")):
            return option
    raise AssertionError("made from none of the options")


def _vary(schema: dict[str, Any], value: Any, random: Random) -> Iterator[tuple[str, Any]]:
    for wrong in WRONG:
        yield "null" if wrong is None else "wrong type", wrong
    if isinstance(value, dict):
        yield from _vary_object(value)
    elif isinstance(value, list):
        yield from _vary_list(schema, value, random)
    elif isinstance(value, str):
        yield from _vary_text(schema, value, random)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _vary_number(schema, value)


def _vary_object(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in value:
        yield "missing property", {key: part for key, part in value.items() if key != name}
        yield "renamed property", {key.swapcase() if key == name else key: part for key, part in value.items()}
    yield "extra property", value | {"unexpected": 1}
    yield "extra property", value | {"payload": None, "é": "x"}


def _vary_list(schema: dict[str, Any], value: list[Any], random: Random) -> Iterator[tuple[str, Any]]:
    item = value[0] if value else make(schema["items"], random)
    low, high = schema.get("minItems", 0), schema.get("maxItems", 3)
    yield "too few items", [item] * max(0, low - 1)
    yield "fewest items", [item] * low
    yield "most items", [item] * high
    yield "too many items", [item] * (high + 1)
    yield "wrong item", [*value, object_of_no_kind()]


def object_of_no_kind() -> dict[str, Any]:
    return {"unexpected": []}


def _vary_text(schema: dict[str, Any], value: str, random: Random) -> Iterator[tuple[str, Any]]:
    if "enum" in schema:
        yield from (("enumeration", other) for other in (value.swapcase(), value + " ", f"{value}\n", "Q"))
    if "pattern" in schema:
        yield "pattern", make_matching(schema["pattern"], random)
        arabic = "".join(chr(0x660 + int(c)) if c in "0123456789" else c for c in value)
        for other in (
            value + "\n",
            "\n" + value,
            value + "0",
            "-" + value,
            value[1:],
            value[:-1],
            arabic,
            f"{value}\n{value}",
        ):
            yield "pattern", other
    low, high = schema.get("minLength", 0), schema.get("maxLength", 30)
    for kind, length in (("too short", low - 1), ("shortest", low), ("longest", high), ("too long", high + 1)):
        if length >= 0:
            yield kind, "".join(random.choices(CHARACTERS, k=length))
    yield "one longer", value + "x"


def _vary_number(schema: dict[str, Any], value: float) -> Iterator[tuple[str, Any]]:
    low, high = schema.get("minimum", -5), schema.get("maximum", 10**6)
    for other in (
        low,
        low - 1,
        low - 0.25,
        high,
        high + 1,
        high + 0.25,
        float(high),
        -1,
        0,
        1e30,
        -1e30,
        0.001,
        0.0005,
    ):
        yield "number", other
    yield "number", value + 1
    yield "number as text", str(value)


def _replace(value: Any, path: tuple[str | int, ...], part: Any) -> Any:
    """A copy of the value with another part at that path; what is not on the path is shared."""
    if not path:
        return part
    first, *rest = path
    if isinstance(value, dict):
        return value | {first: _replace(value[first], tuple(rest), part)}
    return [_replace(item, tuple(rest), part) if index == first else item for index, item in enumerate(value)]
