"""Shapes of the catalogue as JSON Schema (2020-12, as OpenAPI 3.1 has it), and the definitions that are ours."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

from opendip.api.description import replay_calls, status_replay_calls
from opendip.api.description.call import refer
from opendip.api.webhooks import MOST_KILOBYTES, MOST_MESSAGES_A_SECOND
from opendip.catalogue import Catalogue
from opendip.catalogue.model import Choice, Flag, Number, Record, Reference, Sequence, Shape, Text

Schema = dict[str, Any]

MOST_MESSAGES = 50_000
"""E2E 4.4.1; an operator may take fewer at a time."""
_BLOCKS = ("S1", "A0", "D0", "M0", "M1", "R0")


def write_schema(shape: Shape) -> Schema:
    match shape:
        case Reference(name):
            return refer("schemas", name)
        case Sequence(items, low, high):
            return _clean(type="array", items=write_schema(items), minItems=low or None, maxItems=high)
        case Record():
            return _write_record(shape)
        case Choice(options):
            return {"oneOf": [write_schema(option) for option in options]}
        case _:
            return _write_scalar(shape)


def _write_scalar(shape: Text | Number | Flag) -> Schema:
    match shape:
        case Text():
            values = [*shape.values, None] if shape.is_nullable else [*shape.values]
            return _clean(
                type=_name_type("string", shape.is_nullable),
                minLength=shape.min_length or None,
                maxLength=shape.max_length,
                pattern=shape.pattern,
                format=shape.format,
                enum=values if shape.values else None,
            )
        case Number():
            return _clean(
                type=_name_type("integer" if shape.is_whole else "number", shape.is_nullable),
                minimum=shape.minimum,
                maximum=shape.maximum,
                multipleOf=shape.multiple_of,
            )
        case Flag():
            return {"type": _name_type("boolean", shape.is_nullable)}
        case _:
            assert_never(shape)


def _write_record(record: Record) -> Schema:
    return _clean(
        type="object",
        properties={p.name: write_schema(p.shape) for p in record.properties},
        required=[p.name for p in record.properties if p.is_required] or None,
        additionalProperties=None if record.is_open else False,
    )


def _name_type(name: str, is_nullable: bool) -> str | list[str]:
    return [name, "null"] if is_nullable else name


def _clean(**keywords: Any) -> Schema:
    return {name: value for name, value in keywords.items() if value is not None}


def make_own_schemas(catalogue: Catalogue, *, with_channels: bool) -> dict[str, Schema]:
    """The definitions that the catalogue does not have."""
    blocks = {name: refer("schemas", name) for name in _BLOCKS if name in catalogue.definitions}
    message = _write_message(blocks, ("S0", "S1"))
    own = {
        "Messages": {"type": "array", "items": refer("schemas", "Message"), "minItems": 1, "maxItems": MOST_MESSAGES},
        "Message": _write_channels(catalogue) if with_channels else message,
        "DeliveredMessages": {"type": "array", "items": refer("schemas", "DeliveredMessage"), "minItems": 1},
        "DeliveredMessage": _write_delivered(blocks),
        "HeaderBlock": _write_header_block(catalogue),
        "WebhookConfig": _write_webhook_config(),
        **replay_calls.write_schemas(),
        **status_replay_calls.write_schemas(),
    }
    if with_channels:
        own |= {f"{id_}-Message": _write_channel(catalogue, id_) for id_ in catalogue.channels}
    return own


def _write_message(blocks: Mapping[str, Schema], required: Iterable[str]) -> Schema:
    common = {
        "type": "object",
        "description": "The blocks that the channel's own schema asks for, and no others.",
        "properties": {"S0": refer("schemas", "HeaderBlock"), **blocks},
        "required": list(required),
    }
    payload = {
        "type": "object",
        "properties": {
            "CommonBlock": common,
            "CustomBlock": {"type": "object", "description": "The channel's own blocks."},
        },
        "required": ["CommonBlock"],
    }
    return {"type": "object", "properties": {"payload": payload}, "required": ["payload"]}


def _write_delivered(blocks: Mapping[str, Schema]) -> Schema:
    message = _write_message(blocks, ("S0", "S1", "A0", "D0"))
    message["description"] = "A message as it was sent, with the addresses (A0) and what the DIP adds (D0)."
    text = "Of a replayed or requeued message alone: the D0 block of its first delivery."
    message["properties"]["initialD0"] = {**refer("schemas", "D0"), "description": text}
    return message


def _write_header_block(catalogue: Catalogue) -> Schema:
    texts = {
        "interfaceID": {"type": "string", "enum": list(catalogue.channels)},
        "schemaVersion": {"type": "string"},
        "eventCode": {"type": "string", "description": "In square brackets, such as [ActivePower]."},
    }
    return {"type": "object", "properties": texts, "required": list(texts)}


def _write_webhook_config() -> Schema:
    def limit(most: int, text: str) -> Schema:
        return {"type": ["integer", "null"], "minimum": 1, "maximum": most, "description": text}

    url = {
        "type": "string",
        "format": "uri",
        "description": "https, at a public address unless the DIP is one for trials; no user name, no fragment.",
    }
    properties = {
        "callbackURL": url,
        "maxMessageCount": limit(MOST_MESSAGES, "The most messages a call."),
        "maxPayloadSize": limit(MOST_KILOBYTES, "The most kB a call; a single message may be larger."),
        "maxMessageRate": limit(MOST_MESSAGES_A_SECOND, "The most messages a second, over all calls. OpenDIP's own."),
    }
    return {"type": "object", "properties": properties, "required": ["callbackURL"]}


def _write_channels(catalogue: Catalogue) -> Schema:
    return {"anyOf": [refer("schemas", f"{id_}-Message") for id_ in catalogue.channels]}


def _write_channel(catalogue: Catalogue, channel_id: str) -> Schema:
    channel = catalogue.channels[channel_id]
    payloads = [refer("schemas", variant.name) for variant in channel.variants]
    return {
        "type": "object",
        "description": f"{channel.name}.",
        "properties": {"payload": {"anyOf": payloads} if len(payloads) > 1 else payloads[0]},
        "required": ["payload"],
    }


def add_needed(schemas: Mapping[str, Schema], wanted: Iterable[str], catalogue: Catalogue) -> dict[str, Schema]:
    """Those that are wanted and all they refer to, from `schemas` or the catalogue, in the order of their names."""
    found: dict[str, Schema] = {}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = schemas[name] if name in schemas else write_schema(catalogue.definitions[name])
            waiting += list_references(found[name])
    return dict(sorted(found.items()))


def list_references(node: Any) -> Iterator[str]:
    """The names of the schemas that something refers to."""
    if isinstance(node, Mapping):
        address = node.get("$ref", "")
        if isinstance(address, str) and address.startswith("#/components/schemas/"):
            yield address.rpartition("/")[2]
        for part in node.values():
            yield from list_references(part)
    elif isinstance(node, list):
        for part in node:
            yield from list_references(part)
