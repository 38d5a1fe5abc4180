"""The OpenAPI document, put together from the calls, the parameters and the catalogue."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import yaml

from opendip.api.description.answers import ANY_CALL, RECIPIENTS
from opendip.api.description.call import Answer, Call, refer
from opendip.api.description.calls import CALLS
from opendip.api.description.parameters import HEADERS, ON_DELIVERY, SIGNED, make_parameters
from opendip.api.description.schemas import add_needed, list_references, make_own_schemas
from opendip.catalogue import Catalogue

_ABOUT = (
    "What participants call, and how they are called back. Every call is made over mutual TLS, with an API key and "
    "four headers that sign it; docs/connect.md tells how. A path that is not here is answered 404, a method that is "
    "not here 405, both with a StandardResponse. A call that gets no answer, or 408, 429 or 5xx, is to be made again "
    "unchanged."
)
_PART = re.compile(r"{(\w+)}")


def describe_api(catalogue: Catalogue, api_version: str, *, with_channels: bool = False) -> dict[str, Any]:
    """The document. `with_channels`: with the schema of every channel, else with one for messages of all."""
    parameters = make_parameters(catalogue, (api_version, catalogue.release))
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), call in CALLS.items():
        paths.setdefault(path, {})[method.lower()] = _describe_call(path, call)
    schemas = make_own_schemas(catalogue, with_channels=with_channels)
    common = {_name(status): _describe_answer(answer) for status, answer in ANY_CALL.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenDIP participant API",
            "version": catalogue.release,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "https://dip.example.org", "description": "The DIP's public URL."}],
        "security": [{"mutualTls": [], "apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": _describe_security(),
            "parameters": {name: p.describe() for name, p in parameters.items() if _is_used("parameters", name, paths)},
            "responses": common,
            "headers": {name: dict(h) for name, h in HEADERS.items() if _is_used("headers", name, [paths, common])},
            "schemas": add_needed(schemas, list_references([paths, common]), catalogue),
        },
    }


def write_description(document: Mapping[str, Any]) -> str:
    """As YAML, in the order it was made."""
    head = "# Written by `dip openapi`; change src/opendip/api/description and write it again.\n"
    return head + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _describe_call(path: str, call: Call) -> dict[str, Any]:
    named = (*_PART.findall(path), *SIGNED, *call.parameters)
    answers: dict[int, dict[str, Any]] = {status: refer("responses", _name(status)) for status in ANY_CALL}
    answers |= {status: _describe_answer(answer) for status, answer in call.answers.items()}
    described: dict[str, Any] = {
        "operationId": call.name,
        "tags": [call.group],
        "summary": call.title,
        "description": call.text,
        "parameters": [refer("parameters", name) for name in named],
    }
    if call.body:
        described["requestBody"] = _describe_body(call.body)
    described["responses"] = {str(status): answers[status] for status in sorted(answers)}
    if call.called_back:
        described["callbacks"] = {"delivery": {"{$request.body#/callbackURL}": {"post": _describe_delivery(call)}}}
    return described


def _describe_delivery(call: Call) -> dict[str, Any]:
    return {
        "summary": "The DIP delivers",
        "description": "Over mutual TLS. Redirects are not followed. No answer counts as 503.",
        "parameters": [refer("parameters", name) for name in (*SIGNED, ON_DELIVERY)],
        "requestBody": _describe_body(call.called_back or ""),
        "responses": {str(status): _describe_answer(answer) for status, answer in RECIPIENTS.items()},
        "security": [{"mutualTls": []}],
    }


def _describe_body(schema: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": refer("schemas", schema)}}}


def _describe_answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.text}
    if answer.headers:
        described["headers"] = {name: refer("headers", name) for name in answer.headers}
    if answer.schema:
        described["content"] = {"application/json": {"schema": refer("schemas", answer.schema)}}
    return described


def _describe_security() -> dict[str, Any]:
    return {
        "mutualTls": {
            "type": "mutualTLS",
            "description": "A TLS certificate that this environment's authority issued.",
        },
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Issued for your DIP id."},
    }


def _name(status: int) -> str:
    """The component of an answer that any call can get."""
    return HTTPStatus(status).name.title().replace("_", "")


def _is_used(kind: str, name: str, within: Any) -> bool:
    return f"'#/components/{kind}/{name}'" in str(within)
