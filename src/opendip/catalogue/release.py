"""Reading a release: a directory of YAML files, our own notation of the published definitions.

`release.yaml` names the release and its files of definitions; `interfaces.yaml` has the payloads,
`routing.yaml` the parties, `response_codes.yaml` the codes with their texts.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from opendip.catalogue.model import (
    Catalogue,
    Channel,
    Choice,
    Property,
    Record,
    Reference,
    Shape,
    Text,
    Variant,
)
from opendip.catalogue.notation import MalformedRelease, read_range, read_record, read_shape
from opendip.catalogue.routing import RoutingRow, read_rows

RELEASES = Path(__file__).parent / "releases"
DEFAULT_RELEASE = "2.1.0"


def load(release: str = DEFAULT_RELEASE) -> Catalogue:
    """Load a release that comes with OpenDIP. Raises `MalformedRelease` when there is none of that name."""
    return load_from(RELEASES / release)


def list_releases() -> list[str]:
    """The releases that come with OpenDIP."""
    return sorted(path.name for path in RELEASES.iterdir() if (path / "release.yaml").is_file())


def load_from(directory: Path) -> Catalogue:
    """Load a release from its directory. Raises `MalformedRelease` naming the file at fault."""
    about = read_yaml(directory / "release.yaml")
    definitions: dict[str, Shape] = {}
    for name in about["definitions"]:
        definitions |= {key: read_shape(node) for key, node in read_yaml(directory / f"{name}.yaml").items()}
    codes = read_yaml(directory / "response_codes.yaml")
    if codes:
        low, high = read_range(codes["length"])
        definitions[codes["definition"]] = Text(low, high, values=tuple(codes["codes"]))
    rows = read_rows(read_yaml(directory / "routing.yaml"))
    channels = {}
    for channel_id, node in read_yaml(directory / "interfaces.yaml").items():
        channels[channel_id] = _read_channel(channel_id, node, rows.get(channel_id))
        definitions |= _define_payloads(channels[channel_id])
    catalogue = Catalogue(about["release"], definitions, channels, dict(codes.get("codes", {})))
    _check_references(catalogue)
    return catalogue


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one file of a release. Raises `MalformedRelease`."""
    try:
        node = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError) as fault:
        raise MalformedRelease(
            f"cannot read {path.name} of the catalogue release in {path.parent.name}: {fault}"
        ) from fault
    if not isinstance(node or {}, dict):
        raise MalformedRelease(f"{path.name}: a mapping is expected")
    return node or {}


def _read_channel(channel_id: str, node: Mapping[str, Any], row: RoutingRow | None) -> Channel:
    row = row or RoutingRow(name=channel_id, publication=channel_id)
    variants = tuple(read_variant(channel_id, name, variant) for name, variant in node.items())
    event_codes = tuple(dict.fromkeys(code for variant in variants for code in variant.event_codes))
    return Channel(
        id=channel_id,
        name=row.name,
        publication_id=row.publication,
        schema_version=next(iter(node.values()))["version"],
        variants=variants,
        routing=row.build_routing(),
        event_codes=event_codes,
        has_mpan=any(_names_mpan(variant.payload) for variant in variants),
    )


def read_variant(channel_id: str, name: str, node: Mapping[str, Any]) -> Variant:
    event_codes = tuple(node.get("events", (name,)))
    header = build_header(channel_id, node["version"], event_codes, is_open=node.get("header") == "open")
    common = read_record(node["common"])
    blocks = [Property("CommonBlock", Record((Property("S0", header, True), *common.properties), common.is_open), True)]
    if "custom" in node:
        blocks.append(Property("CustomBlock", read_record(node["custom"]), True))
    return Variant(f"{channel_id}-{name}", event_codes, Record(tuple(blocks)))


def build_header(channel_id: str, version: str, event_codes: Iterable[str], *, is_open: bool) -> Record:
    """Block S0: which message this is. The wire puts event codes in square brackets."""
    allowed = {
        "interfaceID": (channel_id,),
        "schemaVersion": (version,),
        "eventCode": tuple(f"[{code}]" for code in event_codes),
    }
    return Record(tuple(Property(name, Text(values=values), True) for name, values in allowed.items()), is_open)


def _names_mpan(payload: Record) -> bool:
    common = payload.properties[0].shape
    return isinstance(common, Record) and any(common.find_property(block) for block in ("M0", "M1"))


def _define_payloads(channel: Channel) -> dict[str, Shape]:
    definitions: dict[str, Shape] = {variant.name: variant.payload for variant in channel.variants}
    if f"{channel.id}-Payload" not in definitions:
        definitions[f"{channel.id}-Payload"] = Choice(tuple(Reference(v.name) for v in channel.variants))
    return definitions


def _check_references(catalogue: Catalogue) -> None:
    for name, shape in catalogue.definitions.items():
        for target in list_references(shape):
            if target not in catalogue.definitions:
                raise MalformedRelease(
                    f"{name} of release {catalogue.release} refers to {target}, which nothing defines"
                )


def list_references(shape: Shape) -> list[str]:
    """The names a shape refers to, itself or in its parts."""
    match shape:
        case Reference(name):
            return [name]
        case Choice(options):
            return [option.name for option in options]
        case Record(properties):
            return [name for p in properties for name in list_references(p.shape)]
        case _:
            return list_references(shape.items) if hasattr(shape, "items") else []
