"""Everything that is wrong with one message, in words for its sender: slow and thorough, off the hot path.

A fault tells where it is and what was expected; of what was found only kind and length: it may be personal.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from opendip.catalogue.compiling import is_within
from opendip.catalogue.model import (
    Catalogue,
    Channel,
    Choice,
    Flag,
    Number,
    Property,
    Record,
    Reference,
    Sequence,
    Shape,
    Text,
)
from opendip.catalogue.patterns import translate_pattern
from opendip.catalogue.wording import Pairs, describe, describe_value, join_names, show_name


class Fault(NamedTuple):
    """One thing wrong: its path (`payload.CommonBlock.S1.senderDIPID`), what was expected, what was found."""

    path: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path or 'the message'}: {self.expected}"


def list_faults(
    channel: Channel, catalogue: Catalogue, raw: bytes | memoryview | msgspec.Raw, limit: int = 20
) -> list[Fault]:
    """The faults of one message of a channel, at most `limit`; none when the channel's decoder accepts it."""
    payload = Property("payload", Choice(tuple(Reference(variant.name) for variant in channel.variants)), True)
    return _list_faults(Record((payload,), is_open=True), catalogue, raw, limit)


def list_definition_faults(
    name: str, catalogue: Catalogue, raw: bytes | memoryview | msgspec.Raw, limit: int = 20
) -> list[Fault]:
    """The faults of one value of any definition. Raises `KeyError` for a name nobody defines."""
    return _list_faults(catalogue.definitions[name], catalogue, raw, limit)


def list_closed_faults(
    name: str, catalogue: Catalogue, raw: bytes | memoryview | msgspec.Raw, limit: int = 20
) -> list[Fault]:
    """The same, where properties that the definition does not name are faults too."""
    return _list_faults(catalogue.get_closed(name), catalogue, raw, limit)


def _list_faults(shape: Shape, catalogue: Catalogue, raw: Any, limit: int) -> list[Fault]:
    try:
        msgspec.json.decode(raw)
        value = json.loads(bytes(raw), object_pairs_hook=Pairs)
    except msgspec.DecodeError as fault:
        return [Fault("", f"JSON; found: {fault}")]
    except UnicodeDecodeError:
        return [Fault("", "JSON in UTF-8; found other bytes")]
    except (ValueError, RecursionError):
        return [Fault("", "JSON; found numbers too long, or lists and objects nested too deeply")]
    return list(islice(_Inspector(catalogue).find_faults(shape, value, ""), limit))


class _Inspector:
    """Walks a value along its shape."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find_faults(self, shape: Shape, value: Any, path: str) -> Iterator[Fault]:
        shape = self._catalogue.resolve(shape)
        match shape:
            case Record() if isinstance(value, Pairs):
                yield from self._find_in_record(shape, value, path)
            case Sequence() if isinstance(value, list) and not isinstance(value, Pairs):
                yield from self._find_in_list(shape, value, path)
            case Choice():
                yield from self._find_in_choice(shape, value, path)
            case _:
                if not _is_of(shape, value):
                    yield Fault(path, f"{describe(shape)}; found {describe_value(value)}")

    def _find_in_record(self, shape: Record, value: Pairs, path: str) -> Iterator[Fault]:
        known = {p.name: p for p in shape.properties}
        for name, part in value:
            if name in known:
                yield from self.find_faults(known[name].shape, part, _join(path, name))
            elif not shape.is_open:
                yield Fault(_join(path, show_name(name)), f"no such property; known are {join_names(known)}")
        names = {name for name, _ in value}
        for p in shape.properties:
            if p.is_required and p.name not in names:
                expected = describe(self._catalogue.resolve(p.shape))
                yield Fault(_join(path, p.name), f"{expected}; it is required and missing")

    def _find_in_list(self, shape: Sequence, value: list[Any], path: str) -> Iterator[Fault]:
        if not _has_length(len(value), shape.min_items, shape.max_items):
            yield Fault(path, f"{describe(shape)}; found {describe_value(value)}")
        for index, item in enumerate(value):
            yield from self.find_faults(shape.items, item, f"{path}[{index}]")

    def _find_in_choice(self, shape: Choice, value: Any, path: str) -> Iterator[Fault]:
        """Looks at the one message that the header names: without it nothing else can be judged."""
        messages = dict(self._list_messages(shape))
        interface_id, event_code = _read_codes(value)
        named = {n: m for n, m in messages.items() if event_code in _list_allowed(m, "eventCode")}
        if len({_list_allowed(m, "interfaceID") for m in messages.values()}) > 1:
            named = {n: m for n, m in named.items() if interface_id in _list_allowed(m, "interfaceID")}
        # IF-020's RelatedCreate also lists event codes that have a message of their own.
        own = [m for n, m in named.items() if n.endswith(f"-{str(event_code).strip('[]')}")] or list(named.values())
        if own:
            yield from self.find_faults(own[0], value, path)
        else:
            yield from self._find_in_header(list(messages.values()), value, path)

    def _list_messages(self, shape: Choice) -> Iterator[tuple[str, Record]]:
        for option in shape.options:
            match self._catalogue.resolve(option):
                case Choice() as nested:
                    yield from self._list_messages(nested)
                case Record() as message:
                    yield option.name, message

    def _find_in_header(self, messages: list[Record], value: Any, path: str) -> Iterator[Fault]:
        codes = {
            name: Text(values=tuple(sorted({v for m in messages for v in _list_allowed(m, name)})))
            for name in ("interfaceID", "eventCode")
        }
        header = Record(tuple(Property(name, text, True) for name, text in codes.items()), is_open=True)
        common = Record((Property("S0", header, True),), is_open=True)
        faults = list(self.find_faults(Record((Property("CommonBlock", common, True),), is_open=True), value, path))
        yield from faults or [Fault(_join(path, "CommonBlock.S0"), "an event code of that interface")]


def _get_part(shape: Shape | None, name: str) -> Shape | None:
    found = shape.find_property(name) if isinstance(shape, Record) else None
    return found.shape if found else None


def _list_allowed(message: Record, code: str) -> tuple[str, ...]:
    text = _get_part(_get_part(_get_part(message, "CommonBlock"), "S0"), code)
    return text.values if isinstance(text, Text) else ()


def _read_codes(value: Any) -> tuple[Any, Any]:
    """What the header says, or None where it does not say it."""
    for name in ("CommonBlock", "S0"):
        value = dict(value).get(name) if isinstance(value, Pairs) else None
    header = dict(value) if isinstance(value, Pairs) else {}
    return header.get("interfaceID"), header.get("eventCode")


def _is_of(shape: Shape, value: Any) -> bool:
    """Whether a text, number or flag is as its shape wants it. A record or list here met something else."""
    if value is None:
        return isinstance(shape, Text | Number | Flag) and shape.is_nullable
    match shape:
        case Text():
            return isinstance(value, str) and _is_text(shape, value)
        case Number():
            return isinstance(value, int | float) and not isinstance(value, bool) and is_within(value, shape)
        case Flag():
            return isinstance(value, bool)
        case _:
            return False


def _is_text(shape: Text, value: str) -> bool:
    is_allowed = not shape.values or value in shape.values
    is_matching = not shape.pattern or re.search(translate_pattern(shape.pattern), value) is not None
    return is_allowed and is_matching and _has_length(len(value), shape.min_length, shape.max_length)


def _has_length(length: int, low: int, high: int | None) -> bool:
    return low <= length and (high is None or length <= high)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
