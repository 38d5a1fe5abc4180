"""Our OpenAPI tells all of the participant API and nothing else; `docs/openapi.yaml` is what it says today."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs
import pytest

from opendip import catalogue
from opendip.api.app import PATHS
from opendip.api.description import CALLS, describe_api, write_description
from opendip.catalogue.samples import make_message
from opendip.domain.outcomes import Status
from opendip.processes.api import API_VERSION

WRITTEN = Path(__file__).parents[2] / "docs" / "openapi.yaml"
ROUTES = {(path, method) for path, handlers in PATHS.items() for method in handlers}
DOCUMENT = describe_api(catalogue.load(), API_VERSION)
WHOLE = describe_api(catalogue.load(), API_VERSION, with_channels=True)
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def list_nodes(node: Any) -> Iterator[Any]:
    yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from list_nodes(part)


def resolve(document: dict[str, Any], reference: str) -> Any:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_the_committed_file_is_what_the_code_describes() -> None:
    again = "dip openapi --no-channels --out docs/openapi.yaml"

    assert WRITTEN.read_text("utf-8") == write_description(DOCUMENT), f"write it again: {again}"


@pytest.mark.parametrize(("path", "method"), sorted(ROUTES))
def test_every_route_is_described(path: str, method: str) -> None:
    assert (path, method) in CALLS, (
        f"{method} {path} is served and not described. Add it to a module of src/opendip/api/description that calls.py "
        "joins, with every status that it alone can answer; then: dip openapi --no-channels --out docs/openapi.yaml"
    )


def test_nothing_is_described_that_is_not_served() -> None:
    assert sorted(set(CALLS) - ROUTES) == []


@pytest.mark.parametrize("document", [DOCUMENT, WHOLE], ids=["without channels", "with channels"])
def test_all_that_is_referred_to_is_there_and_every_component_is_used(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in list_nodes(document) if isinstance(node, dict) and "$ref" in node}
    for reference in references:
        resolve(document, reference)
    components = {
        f"#/components/{kind}/{name}"
        for kind, parts in document["components"].items()
        if kind != "securitySchemes"
        for name in parts
    }
    assert components - references == set()


@pytest.mark.parametrize("document", [DOCUMENT, WHOLE], ids=["without channels", "with channels"])
def test_every_schema_is_a_json_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_path_names_its_parts_once_each(path: str, method: str) -> None:
    parameters = [resolve(DOCUMENT, p["$ref"]) for p in DOCUMENT["paths"][path][method]["parameters"]]

    assert [p["name"] for p in parameters if p["in"] == "path"] == re.findall(r"{(\w+)}", path)
    assert max(Counter(p["name"] for p in parameters).values()) == 1


def test_every_call_has_a_name_of_its_own() -> None:
    names = Counter(call.name for call in CALLS.values())
    assert max(names.values()) == 1


def test_every_status_that_the_code_has_is_described() -> None:
    described = {int(status) for path, method in OPERATIONS for status in DOCUMENT["paths"][path][method]["responses"]}
    # 405 is for methods that a path does not have, and which are therefore not described.
    assert {status.value for status in Status} - {Status.METHOD_NOT_ALLOWED.value} <= described


@pytest.mark.parametrize("channel", catalogue.load().channels.values(), ids=lambda channel: channel.id)
def test_messages_that_the_dip_takes_are_as_the_channels_schema_says(channel: catalogue.Channel) -> None:
    release, random = catalogue.load(), Random(7)
    document = {"$ref": f"#/components/schemas/{channel.id}-Message", "components": WHOLE["components"]}
    is_valid = jsonschema_rs.Draft202012Validator(document, validate_formats=False).is_valid

    for event_code in channel.event_codes:
        message = make_message(channel, event_code, release, random)
        assert is_valid(message), event_code
        del message["payload"]["CommonBlock"]["S1"]
        assert not is_valid(message)
