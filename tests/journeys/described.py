"""Whether calls and answers are as our OpenAPI describes them: what was taken, the status, the body, the headers."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from opendip.api.description import CALLS, describe_api
from opendip.processes.api import API_VERSION
from tests.journeys.answers import Reply, load_release

_SUCCESS = range(200, 300)
_LARGEST_LOOKED_AT = 2**20


def assert_described(method: str, path: str, body: bytes, reply: Reply) -> None:
    """Calls of paths or methods that do not exist are answered 404 and 405, with a StandardResponse."""
    template = _find_template(path.partition("?")[0], method)
    if template is None:
        assert reply.status in (404, 405), f"{method} {path} is not described, and was answered {reply.status}"
        return
    call = load_document()["paths"][template][method.lower()]
    if reply.status in _SUCCESS and "requestBody" in call and len(body) < _LARGEST_LOOKED_AT:
        fault = _find_fault(_get_schema(call["requestBody"]), msgspec.json.decode(body))
        assert fault is None, f"{method} {template} took a body that is not as described: {fault}"
    answer = _follow(call["responses"].get(str(reply.status)))
    assert answer is not None, f"the description of {method} {template} does not have the answer {reply.status}"
    missing = [name for name in answer.get("headers", ()) if name.lower() not in reply.headers]
    assert not missing, f"{method} {template}: {reply.status} came without {missing}"
    if "content" not in answer:
        assert reply.body == b"", f"{method} {template}: {reply.status} is described as without a body"
        return
    fault = _find_fault(_get_schema(answer), msgspec.json.decode(reply.body))
    assert fault is None, f"{method} {template}: {reply.status} is not as described: {fault}"


def assert_described_delivery(body: bytes) -> None:
    """What is posted to a webhook is what the description of the call that sets it says."""
    fault = _find_fault("#/components/schemas/DeliveredMessages", msgspec.json.decode(body))
    assert fault is None, f"a delivery is not as described: {fault}"


@cache
def load_document() -> Mapping[str, Any]:
    return describe_api(load_release(), API_VERSION)


def _find_template(path: str, method: str) -> str | None:
    templates = (template for template, known in CALLS if known == method)
    return next((t for t in templates if re.fullmatch(re.sub(r"{\w+}", "[^/]+", t), path)), None)


def _follow(answer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if answer is None or "$ref" not in answer:
        return answer
    found: Mapping[str, Any] = load_document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return found


def _get_schema(described: Mapping[str, Any]) -> str:
    return str(described["content"]["application/json"]["schema"]["$ref"])


def _find_fault(reference: str, body: Any) -> str | None:
    fault = next(make_validator(reference).iter_errors(body), None)
    return fault and f"{fault.message} at {fault.instance_path}"


@cache
def make_validator(reference: str) -> jsonschema_rs.Validator:
    document = {"$ref": reference, "components": load_document()["components"]}
    return jsonschema_rs.Draft202012Validator(document, validate_formats=False)
