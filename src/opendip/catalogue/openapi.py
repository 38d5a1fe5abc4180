"""Reading OpenAPI 3.0 schemas into shapes: the part of the language Elexon's files use, and nothing guessed.

A keyword outside that part is refused, so that a later file cannot quietly mean more than we check.
"""

from collections.abc import Mapping
from typing import Any

from opendip.catalogue.model import Choice, Flag, Number, Property, Record, Reference, Sequence, Shape, Text
from opendip.catalogue.notation import MalformedRelease

ANNOTATIONS = frozenset({"description", "example", "nullable", "type"})
KEYWORDS = {
    "$ref": frozenset({"$ref"}),
    "oneOf": frozenset({"oneOf"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "enum", "format"}),
    "number": frozenset({"minimum", "maximum", "multipleOf"}),
    "integer": frozenset({"minimum", "maximum", "multipleOf"}),
    "boolean": frozenset[str](),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}


def read_schema(node: Mapping[str, Any], where: str) -> Shape:
    """The shape of one schema; `where` names it in errors. Raises `MalformedRelease`."""
    kind = _find_kind(node, where)
    unknown = set(node) - KEYWORDS[kind] - ANNOTATIONS
    if unknown:
        raise MalformedRelease(f"{where}: {', '.join(sorted(unknown))} on a schema of type {kind} is not understood")
    is_nullable = bool(node.get("nullable"))
    match kind:
        case "$ref":
            return Reference(node["$ref"].rpartition("/")[2])
        case "string":
            return _read_text(node, is_nullable)
        case "number" | "integer":
            low, high = node.get("minimum"), node.get("maximum")
            return Number(kind == "integer", low, high, node.get("multipleOf"), is_nullable)
        case "boolean":
            return Flag(is_nullable)
    if is_nullable:
        raise MalformedRelease(f"{where}: a nullable {kind} is not understood")
    return _read_compound(kind, node, where)


def _find_kind(node: Mapping[str, Any], where: str) -> str:
    for keyword in ("$ref", "oneOf"):
        if keyword in node:
            return keyword
    # Some objects are published with properties but no type; to the letter, any text or number would do.
    kind = node.get("type", "object" if "properties" in node else None)
    if kind not in KEYWORDS:
        raise MalformedRelease(f"{where}: type {kind!r} is not understood")
    return str(kind)


def _read_text(node: Mapping[str, Any], is_nullable: bool) -> Text:
    return Text(
        min_length=node.get("minLength", 0),
        max_length=node.get("maxLength"),
        pattern=node.get("pattern"),
        # E2E 4.2.2: null is valid for a nullable enumeration whether or not the list repeats it.
        values=tuple(value for value in dict.fromkeys(node.get("enum", ())) if value is not None),
        format=node.get("format"),
        is_nullable=is_nullable,
    )


def _read_compound(kind: str, node: Mapping[str, Any], where: str) -> Shape:
    if kind == "array":
        return Sequence(read_schema(node["items"], f"{where}[]"), node.get("minItems", 0), node.get("maxItems"))
    if kind == "oneOf":
        options = [read_schema(option, where) for option in node["oneOf"]]
        if not all(isinstance(option, Reference) for option in options):
            raise MalformedRelease(f"{where}: a choice of anything but named schemas is not understood")
        return Choice(tuple(option for option in options if isinstance(option, Reference)))
    return _read_record(node, where)


def _read_record(node: Mapping[str, Any], where: str) -> Record:
    if node.get("additionalProperties", True) not in (True, False):
        raise MalformedRelease(f"{where}: additionalProperties with a schema is not understood")
    required = set(node.get("required", ()))
    undefined = required - set(node["properties"])
    if undefined:
        raise MalformedRelease(f"{where}: requires {', '.join(sorted(undefined))}, which it does not define")
    properties = (
        Property(name, read_schema(schema, f"{where}.{name}"), name in required)
        for name, schema in node["properties"].items()
    )
    return Record(tuple(properties), is_open=node.get("additionalProperties", True))
