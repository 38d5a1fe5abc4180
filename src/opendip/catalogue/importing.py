"""Elexon's published OpenAPI files made into a release of ours: names, types and codes, none of the prose.

The envelope of a message (S0, CommonBlock, CustomBlock) is the same everywhere, so a payload is written as
what differs; one that is not of that shape is refused rather than misread.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opendip.catalogue.model import Choice, Record, Shape, Text, Variant
from opendip.catalogue.notation import MalformedRelease, describe_shape, write_yaml
from opendip.catalogue.openapi import read_schema
from opendip.catalogue.release import load_from, read_variant, read_yaml

PAYLOAD = "-Payload"
RESPONSE_CODES = "DI-999-Response-Codes"
FILE_NAMES = {
    "DataTypes": "types",
    "DataCatalogue": "items",
    "RealCommonBlocks": "blocks",
    "ECS-CommonBlocks": "report_blocks",
    "ECS-Reports": "reports",
    "SubmitEvents": "services",
    "DIPISDPublication": "company_details",
}
COMMENT = """Release {release}, imported from Elexon's OpenAPI definitions.
name: another name, or {{type: ...}}, {{list: ...}}, or a record's properties. "length: 1..40" is a range;
"Name?" may be left out; '"*": any' admits properties that are not named."""


class ImportSummary(NamedTuple):
    """What an import found."""

    release: str
    directory: Path
    definitions: int
    channels: int
    event_codes: int
    response_codes: int
    unrouted: tuple[str, ...]
    """Channels without a row in `routing.yaml`: nobody may send on them until one is written."""


def import_release(files: Iterable[Path], release: str, directory: Path) -> ImportSummary:
    """Read Elexon's OpenAPI files and write `release` into `directory`.

    `routing.yaml` is left alone when it is there, and so are the texts of the response codes it has already.
    Raises `MalformedRelease`, before anything is written, when a file holds what cannot be expressed.
    """
    files = list(files)
    groups = _read_groups(files)
    texts: dict[str, Any] = {"release": {"release": release}}
    for name, shapes in groups.items():
        is_messages = any(key.endswith(PAYLOAD) for key in shapes)
        described = _describe_channels(shapes) if is_messages else _describe_definitions(shapes)
        if described:
            texts["interfaces" if is_messages else name] = described
    texts["release"]["definitions"] = [name for name in texts if name not in ("release", "interfaces")]
    texts["response_codes"] = _describe_codes(files, groups, directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, node in texts.items():
        text = write_yaml(node, COMMENT.format(release=release))
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    if not (directory / "routing.yaml").exists():
        (directory / "routing.yaml").write_text("# Who sends and who receives: a row a channel.\n", encoding="utf-8")
    return _summarise(directory)


def _read_groups(files: Iterable[Path]) -> dict[str, dict[str, Shape]]:
    """The shapes of each file. A definition may be repeated, but only to say the same again."""
    groups: dict[str, dict[str, Shape]] = {}
    seen: dict[str, Shape] = {}
    for file in files:
        stem = file.stem.removesuffix("-unresolved")
        schemas = read_yaml(file).get("components", {}).get("schemas", {})
        shapes = {name: read_schema(node, f"{file.name}, {name}") for name, node in schemas.items()}
        for name in shapes.keys() & seen.keys():
            if shapes[name] != seen[name]:
                raise MalformedRelease(f"{file.name}, {name}: defined differently in another of the files")
        groups[FILE_NAMES.get(stem, stem.lower())] = {n: shape for n, shape in shapes.items() if n not in seen}
        seen |= shapes
    return groups


def _describe_definitions(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    return {name: describe_shape(shape) for name, shape in shapes.items() if name != RESPONSE_CODES}


def _describe_channels(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    channels = {}
    for name, shape in shapes.items():
        if name.endswith(PAYLOAD):
            names = [option.name for option in shape.options] if isinstance(shape, Choice) else [name]
            channel_id = name.removesuffix(PAYLOAD)
            channels[channel_id] = dict(_describe_variant(channel_id, variant, shapes[variant]) for variant in names)
    return channels


def _describe_variant(channel_id: str, full_name: str, payload: Shape) -> tuple[str, dict[str, Any]]:
    """A variant as what distinguishes it; refuses a payload that this does not read back as."""
    name = full_name.removeprefix(f"{channel_id}-")
    common, custom = _get_record(payload, "CommonBlock"), _get_record(payload, "CustomBlock")
    header = _get_record(common, "S0")
    if common is None or header is None:
        raise MalformedRelease(f"{full_name}: no CommonBlock.S0 of its own")
    event_codes = [code.strip("[]") for code in _list_values(header, "eventCode")]
    described: dict[str, Any] = {} if event_codes == [name] else {"events": event_codes}
    described["version"] = "".join(_list_values(header, "schemaVersion"))
    if header.is_open:
        described["header"] = "open"
    others = tuple(p for p in common.properties if p.name != "S0")
    described["common"] = describe_shape(Record(others, common.is_open))
    if custom is not None:
        described["custom"] = describe_shape(custom)
    _refuse_if_changed(read_variant(channel_id, name, described), payload)
    return name, described


def _get_record(shape: Shape | None, name: str) -> Record | None:
    found = shape.find_property(name) if isinstance(shape, Record) else None
    return found.shape if found and isinstance(found.shape, Record) else None


def _list_values(header: Record, name: str) -> tuple[str, ...]:
    found = header.find_property(name)
    return found.shape.values if found and isinstance(found.shape, Text) else ()


def _refuse_if_changed(variant: Variant, payload: Shape) -> None:
    if _sort_properties(variant.payload) != _sort_properties(payload):
        raise MalformedRelease(f"{variant.name}: not the envelope of a message (S0 with its three codes, S1, ...)")


def _sort_properties(shape: Shape) -> Shape:
    if not isinstance(shape, Record):
        return shape
    sorted_ones = (p._replace(shape=_sort_properties(p.shape)) for p in shape.properties)
    return Record(tuple(sorted(sorted_ones, key=lambda p: p.name)), shape.is_open)


def _describe_codes(
    files: Iterable[Path], groups: Mapping[str, Mapping[str, Shape]], directory: Path
) -> dict[str, Any]:
    """The codes with their texts: ours when the directory has them, else what is noted beside each."""
    shape = next((shapes[RESPONSE_CODES] for shapes in groups.values() if RESPONSE_CODES in shapes), None)
    if not isinstance(shape, Text):
        return {}
    path = directory / "response_codes.yaml"
    ours = read_yaml(path).get("codes", {}) if path.exists() else {}
    noted = {code: " ".join(text.split()) for file in files for code, text in _list_notes(file)}
    length = describe_shape(Text(shape.min_length, shape.max_length))["length"]
    codes = {code: ours.get(code, noted.get(code, "")) for code in shape.values}
    return {"definition": RESPONSE_CODES, "length": length, "codes": codes}


def _list_notes(file: Path) -> list[tuple[str, str]]:
    return re.findall(r"^\s*-\s+([A-Z]+\d+)\s*#\s*(.*?)\s*$", file.read_text(encoding="utf-8"), re.MULTILINE)


def _summarise(directory: Path) -> ImportSummary:
    catalogue = load_from(directory)
    return ImportSummary(
        release=catalogue.release,
        directory=directory,
        definitions=len(catalogue.definitions),
        channels=len(catalogue.channels),
        event_codes=sum(len(channel.event_codes) for channel in catalogue.channels.values()),
        response_codes=len(catalogue.response_codes),
        unrouted=tuple(c.id for c in catalogue.channels.values() if not c.senders),
    )
