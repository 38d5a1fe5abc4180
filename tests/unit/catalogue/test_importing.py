"""OpenAPI files become a release that says the same, and what cannot be said is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from opendip.catalogue import MalformedRelease, compile_channel, list_definition_faults, load, load_from
from opendip.catalogue.importing import import_release
from tests.unit.catalogue import official

ELSEWHERE = "https://example.com/{}-unresolved.yaml#/components/schemas/{}"


def make_header(event_code: str) -> dict[str, Any]:
    allowed = {"interfaceID": "IF-901", "schemaVersion": "001", "eventCode": f"[{event_code}]"}
    codes = {name: {"type": "string", "enum": [value], "example": value} for name, value in allowed.items()}
    return {"type": "object", "required": list(codes), "properties": codes}


def make_payload(event_code: str) -> dict[str, Any]:
    common = {"S0": make_header(event_code), "M0": {"$ref": ELSEWHERE.format("RealCommonBlocks", "M0")}}
    custom = {"notes": {"type": "array", "minItems": 1, "items": {"$ref": ELSEWHERE.format("DataTypes", "Note")}}}
    blocks = {
        "CommonBlock": {"type": "object", "additionalProperties": False, "required": ["S0"], "properties": common},
        "CustomBlock": {"type": "object", "additionalProperties": False, "properties": custom},
    }
    return {"type": "object", "additionalProperties": False, "required": list(blocks), "properties": blocks}


def write(directory: Path, **schemas: dict[str, Any]) -> list[Path]:
    files = []
    for stem, definitions in schemas.items():
        files.append(directory / f"{stem.replace('_', '-')}-unresolved.yaml")
        text = yaml.safe_dump({"openapi": "3.0.0", "components": {"schemas": definitions}}, sort_keys=False)
        files[-1].write_text(text, encoding="utf-8")
    return files


def write_market(directory: Path) -> list[Path]:
    two = {"oneOf": [{"$ref": f"#/components/schemas/IF-901-{name}"} for name in ("Opening", "Closing")]}
    files = write(
        directory,
        DataTypes={
            "Note": {"type": "string", "nullable": True, "maxLength": 9, "enum": ["a", "b"], "description": "prose"},
            "Count": {"type": "integer", "minimum": 1, "maximum": 5},
        },
        RealCommonBlocks={
            "M0": {"type": "object", "properties": {"MPANCore": {"type": "string", "pattern": r"^\d{13}$"}}}
        },
        Interfaces_EventCodes={
            "IF-901-Payload": two,
            "IF-901-Opening": make_payload("Opening"),
            "IF-901-Closing": make_payload("Closing"),
        },
        ResponseCodes={"DI-999-Response-Codes": {"type": "string", "minLength": 3, "enum": ["AB001", "AB002"]}},
    )
    codes = files[-1].read_text(encoding="utf-8")
    files[-1].write_text(codes.replace("- AB001", "- AB001  #  All  well "), encoding="utf-8")
    return files


def test_definitions_channels_and_codes_come_through(tmp_path: Path) -> None:
    summary = import_release(write_market(tmp_path), "9.0.0", tmp_path / "9.0.0")

    catalogue = load_from(tmp_path / "9.0.0")
    channel = catalogue.channels["IF-901"]
    assert (summary.channels, summary.event_codes, summary.response_codes) == (1, 2, 2)
    assert summary.unrouted == ("IF-901",)
    assert (catalogue.release, channel.event_codes, channel.has_mpan) == ("9.0.0", ("Opening", "Closing"), True)
    assert catalogue.response_codes == {"AB001": "All well", "AB002": ""}
    assert not list_definition_faults("Note", catalogue, b"null")
    assert list_definition_faults("Count", catalogue, b"6")
    header = b'"S0":{"interfaceID":"IF-901","schemaVersion":"001","eventCode":"[Closing]"}'
    raw = b'{"payload":{"CommonBlock":{' + header + b'},"CustomBlock":{"notes":["a",null]}}}'
    assert compile_channel(channel, catalogue).decode(raw).payload.CommonBlock.S0.eventCode == "[Closing]"


def test_nobody_may_send_on_a_channel_until_its_row_is_written(tmp_path: Path) -> None:
    import_release(write_market(tmp_path), "9.0.0", tmp_path / "9.0.0")

    channel = load_from(tmp_path / "9.0.0").channels["IF-901"]

    assert (channel.senders, channel.get_route("Opening").always) == (frozenset(), frozenset())


def test_importing_again_keeps_the_routing_and_our_texts(tmp_path: Path) -> None:
    directory = tmp_path / "9.0.0"
    import_release(write_market(tmp_path), "9.0.0", directory)
    (directory / "routing.yaml").write_text("IF-901: {name: Openings, publication: PUB-901, senders: [SUP]}\n")
    codes = directory / "response_codes.yaml"
    codes.write_text(codes.read_text().replace("All well", "Nothing is wrong"), encoding="utf-8")

    summary = import_release(write_market(tmp_path), "9.0.0", directory)

    catalogue = load_from(directory)
    assert summary.unrouted == ()
    assert catalogue.channels["IF-901"].name == "Openings"
    assert catalogue.response_codes["AB001"] == "Nothing is wrong"


def test_no_prose_is_kept(tmp_path: Path) -> None:
    import_release(write_market(tmp_path), "9.0.0", tmp_path / "9.0.0")

    assert "prose" not in "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "9.0.0").iterdir())


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"type": "string", "uniqueItems": True},
            "DataTypes-unresolved.yaml, X: uniqueItems on a schema of type string",
        ),
        ({"type": "file"}, "type 'file' is not understood"),
        ({"type": "array", "nullable": True, "items": {"type": "string"}}, "a nullable array is not understood"),
        ({"oneOf": [{"type": "string"}]}, "a choice of anything but named schemas"),
        (
            {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            "additionalProperties with a schema",
        ),
        ({"type": "object", "properties": {}, "required": ["a"]}, "requires a, which it does not define"),
    ],
)
def test_what_cannot_be_said_is_refused_and_nothing_is_written(
    tmp_path: Path, schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(MalformedRelease, match=message):
        import_release(write(tmp_path, DataTypes={"X": schema}), "9.0.0", tmp_path / "9.0.0")

    assert not (tmp_path / "9.0.0").exists()


def test_a_payload_of_another_shape_is_refused(tmp_path: Path) -> None:
    payload = make_payload("Opening")
    payload["properties"]["CommonBlock"]["properties"]["S0"]["required"].remove("schemaVersion")

    with pytest.raises(MalformedRelease, match="IF-901-Payload: not the envelope of a message"):
        import_release(write(tmp_path, Interfaces={"IF-901-Payload": payload}), "9.0.0", tmp_path / "9.0.0")


def test_a_definition_that_two_files_give_differently_is_refused(tmp_path: Path) -> None:
    files = write(tmp_path, DataTypes={"X": {"type": "string"}}, DataCatalogue={"X": {"type": "boolean"}})

    with pytest.raises(MalformedRelease, match="X: defined differently in another of the files"):
        import_release(files, "9.0.0", tmp_path / "9.0.0")


@pytest.mark.skipif(not official.DIRECTORY.is_dir(), reason="Elexon's files are not beside the repository")
def test_the_shipped_release_is_what_elexons_files_become(tmp_path: Path) -> None:
    import_release(sorted(official.DIRECTORY.rglob("*.yaml")), "2.1.0", tmp_path / "2.1.0")

    imported, shipped = load_from(tmp_path / "2.1.0"), load()

    assert imported.definitions == shipped.definitions
    assert {c.id: c.variants for c in imported.channels.values()} == {
        c.id: c.variants for c in shipped.channels.values()
    }
