"""How shapes are written in a release's YAML files, so that people can read them too.

A name is a reference; `length: 1..40` a range; `Name?` an optional property; `"*": any` an open record.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from opendip.catalogue.model import Choice, Flag, Number, Property, Record, Reference, Sequence, Shape, Text

OPEN = "*"
WORDS = frozenset({"type", "list", "one_of"})
"""Keys that say what a mapping is. Without them it is a record, so no property may have such a name."""


class MalformedRelease(ValueError):  # noqa: N818
    """A release's file says something this version of OpenDIP does not understand."""


def read_shape(node: Any) -> Shape:
    """Read one shape. Raises `MalformedRelease`."""
    if isinstance(node, str):
        return Reference(node)
    if not isinstance(node, Mapping):
        raise MalformedRelease(f"a shape is a name or a mapping, not {node!r}")
    if "type" in node:
        return _read_scalar(dict(node))
    if "list" in node:
        low, high = read_range(node.get("count", ".."))
        return Sequence(read_shape(node["list"]), low, high)
    if "one_of" in node:
        return Choice(tuple(Reference(name) for name in node["one_of"]))
    return read_record(node)


def read_record(node: Mapping[str, Any]) -> Record:
    properties = (
        Property(name.removesuffix("?"), read_shape(shape), not name.endswith("?"))
        for name, shape in node.items()
        if name != OPEN
    )
    return Record(tuple(properties), OPEN in node)


def read_range(text: str | int) -> tuple[int, int | None]:
    """`13` is exactly 13; `1..40`, `..40` and `1..` leave out what does not bind."""
    low, dots, high = str(text).partition("..")
    if not dots:
        return int(low), int(low)
    return int(low or 0), int(high) if high else None


def _read_scalar(node: dict[str, Any]) -> Shape:
    kind, is_nullable = node.pop("type"), node.pop("nullable", False)
    match kind:
        case "text":
            low, high = read_range(node.pop("length", ".."))
            shape: Shape = Text(low, high, values=tuple(node.pop("values", ())), is_nullable=is_nullable, **node)
        case "number" | "integer":
            shape = Number(kind == "integer", is_nullable=is_nullable, **node)
        case "boolean":
            shape = Flag(is_nullable)
        case _:
            raise MalformedRelease(f"type {kind!r} is none of text, number, integer, boolean")
    return shape


def describe_shape(shape: Shape) -> Any:
    """The plain data that `read_shape` reads back as this shape."""
    match shape:
        case Reference(name):
            return name
        case Sequence(items, low, high):
            return {"list": describe_shape(items)} | _describe_range("count", low, high)
        case Choice(options):
            return {"one_of": [option.name for option in options]}
        case Record(properties, is_open):
            return _describe_record(properties, is_open)
        case _:
            return _describe_scalar(shape)


def _describe_record(properties: tuple[Property, ...], is_open: bool) -> dict[str, Any]:
    taken = WORDS.intersection(p.name for p in properties)
    if taken:
        raise MalformedRelease(f"a property cannot be called {', '.join(sorted(taken))} in a release's files")
    described = {p.name + ("" if p.is_required else "?"): describe_shape(p.shape) for p in properties}
    return described | ({OPEN: "any"} if is_open else {})


def _describe_scalar(shape: Text | Number | Flag) -> dict[str, Any]:
    match shape:
        case Text():
            described: dict[str, Any] = {"type": "text"} | _describe_range("length", shape.min_length, shape.max_length)
            described |= {"pattern": shape.pattern, "values": list(shape.values), "format": shape.format}
        case Number():
            described = {"type": "integer" if shape.is_whole else "number"}
            described |= {
                "minimum": shape.minimum,
                "maximum": shape.maximum,
                "multiple_of": shape.multiple_of,
            }
        case Flag():
            described = {"type": "boolean"}
    described["nullable"] = shape.is_nullable or None
    return {key: value for key, value in described.items() if value not in (None, [])}


def _describe_range(key: str, low: int, high: int | None) -> dict[str, Any]:
    if low == high:
        return {key: low}
    text = f"{low or ''}..{'' if high is None else high}"
    return {} if text == ".." else {key: text}


def write_yaml(node: Any, comment: str) -> str:
    """A file's text: records one property a line, everything smaller on one line."""
    lines = [f"# {line}".rstrip() for line in comment.strip().splitlines()]
    return "\n".join([*lines, "", *_write_mapping(node, "")]) + "\n"


def _write_mapping(node: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in node.items():
        name = _write_flow(key)
        if isinstance(value, Mapping) and value and not _fits_a_line(key, value):
            lines += [f"{indent}{name}:", *_write_mapping(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_write_flow(value)}")
    return lines


def _fits_a_line(key: str, value: Mapping[str, Any]) -> bool:
    return key == "common" or not WORDS.isdisjoint(value) or all(isinstance(v, list) for v in value.values())


def _write_flow(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=2**31, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
