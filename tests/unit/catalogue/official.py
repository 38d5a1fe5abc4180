"""Elexon's OpenAPI files as JSON Schema, for comparing; read where they stand beside the repository, never copied."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

DIRECTORY = Path(__file__).parents[4] / "shared/reference/elexon-openapi"
KEPT = (
    "type",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "required",
    "additionalProperties",
)


@cache
def load_definitions() -> dict[str, dict[str, Any]]:
    """Every schema of every file as JSON Schema, by "file stem~name"."""
    definitions = {}
    for path in sorted(DIRECTORY.rglob("*.yaml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for name, schema in document["components"]["schemas"].items():
            definitions[f"{path.stem}~{name}"] = convert(schema, path.stem)
    return definitions


def convert(schema: dict[str, Any], file: str) -> dict[str, Any]:
    """OpenAPI 3.0 to JSON Schema 2020-12: `nullable` becomes a type, references stay inside one document."""
    if "$ref" in schema:
        address, _, name = schema["$ref"].rpartition("#/components/schemas/")
        return {"$ref": f"#/$defs/{Path(address).stem or file}~{name}"}
    converted = {key: schema[key] for key in KEPT if key in schema}
    if schema.get("nullable"):
        converted["type"] = [schema["type"], "null"]
        if "enum" in schema:
            # E2E 4.2.2: a nullable enumeration admits null whether or not its list says so.
            converted["enum"] = [*schema["enum"], None]
    if "properties" in schema:
        converted["properties"] = {name: convert(part, file) for name, part in schema["properties"].items()}
    if "items" in schema:
        converted["items"] = convert(schema["items"], file)
    if "oneOf" in schema:
        converted["oneOf"] = [convert(option, file) for option in schema["oneOf"]]
    return converted


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references."""
    while "$ref" in schema:
        schema = load_definitions()[schema["$ref"].removeprefix("#/$defs/")]
    return schema


def build_validator(key: str) -> jsonschema_rs.Validator:
    """A validator of one definition; formats are annotations."""
    needed: dict[str, Any] = {}
    waiting = [key]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = load_definitions()[name]
            waiting += [reference.removeprefix("#/$defs/") for reference in _list_references(needed[name])]
    document = {"$ref": f"#/$defs/{key}", "$defs": needed}
    return jsonschema_rs.Draft202012Validator(document, validate_formats=False)


def _list_references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, part in node.items():
            if name == "$ref":
                yield part
            else:
                yield from _list_references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _list_references(part)
