"""Shapes made into msgspec decoders: the hot path's check of a message, one pass over its bytes.

A decoder refuses what the published definitions refuse and stops at the first fault; `faults` lists them all.
Looking for a pattern in each of 48 values costs three times the rest of the decoding, so patterned values in
lists are decoded without it, then checked together; when that is no plain yes, the strict decoder decides.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from types import GenericAlias
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from opendip.catalogue.message import COMMON_BLOCKS, Message, MessageDecoder
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
    Variant,
)
from opendip.catalogue.patterns import ListedTexts, can_match_together, find_listed_texts, translate_pattern

Raw = bytes | memoryview | msgspec.Raw


def compile_catalogue(catalogue: Catalogue) -> Mapping[str, MessageDecoder]:
    """A decoder for each channel, by channel id."""
    return {channel_id: compile_channel(channel, catalogue) for channel_id, channel in catalogue.channels.items()}


def compile_channel(channel: Channel, catalogue: Catalogue) -> MessageDecoder:
    """A decoder for the messages of a channel: `{"payload": {...}}`."""
    decoders = {variant.name: compile_variant(variant, catalogue) for variant in channel.variants}
    if len(decoders) == 1:
        return next(iter(decoders.values()))
    by_event_code = {f"[{code}]": decoders[channel.get_variant(code).name] for code in channel.event_codes}
    return DecoderByEventCode(by_event_code)


def compile_variant(variant: Variant, catalogue: Catalogue) -> MessageDecoder:
    """A decoder for the messages of one variant alone."""
    # The published DIPMessage does not close itself: properties beside the payload are admitted.
    message = Record((Property("payload", Reference(variant.name), True),), is_open=True)
    return cast(MessageDecoder, ShapeDecoder(message, catalogue))


def compile_definition(name: str, catalogue: Catalogue) -> "ShapeDecoder":
    """A decoder for any one definition ("WebhookConfig", "M0", "DT-002-MPAN").

    Raises `KeyError` for a name nobody defines, `NotImplementedError` for a choice of messages (DIPMessage).
    """
    return ShapeDecoder(Reference(name), catalogue)


def compile_closed(name: str, catalogue: Catalogue) -> "ShapeDecoder":
    """A decoder for one definition that refuses properties it does not name, also where the definition is open."""
    return ShapeDecoder(catalogue.get_closed(name), catalogue)


class ShapeDecoder:
    """Decodes one shape; what it returns mirrors the wire."""

    def __init__(self, shape: Shape, catalogue: Catalogue) -> None:
        self._strict = TypeBuilder(catalogue).build_decoder(shape)
        self._listed_texts: tuple[ListedTexts, ...] = tuple(find_listed_texts(shape, catalogue, name_attribute))
        self._quick = TypeBuilder(catalogue, puts_off_patterns=True).build_decoder(shape)

    def decode(self, raw: Raw) -> Any:
        """Decode and check. Raises `msgspec.DecodeError` or its subclass `msgspec.ValidationError`."""
        try:
            value = self._quick.decode(raw)
            for texts in self._listed_texts:
                if not texts.match_all(value):
                    return self._strict.decode(raw)
            # msgspec passes over properties it is not told of; recipients' parsers will not.
            str(raw, "utf-8")
        except (RecursionError, UnicodeDecodeError) as fault:
            raise _name_malformed(fault) from None
        return value


class DecoderByEventCode:
    """Decodes the messages of a channel whose event codes differ: first the event code, then the message."""

    def __init__(self, decoders: Mapping[str, MessageDecoder]) -> None:
        self._decoders = decoders
        header = msgspec.defstruct("S0", [("eventCode", Literal[tuple(decoders)])])
        common = msgspec.defstruct("CommonBlock", [("S0", header)])
        payload = msgspec.defstruct("Payload", [("CommonBlock", common)])
        self._header: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            msgspec.defstruct("Message", [("payload", payload)])
        )

    def decode(self, raw: Raw) -> Message:
        try:
            event_code = self._header.decode(raw).payload.CommonBlock.S0.eventCode
        except (RecursionError, UnicodeDecodeError) as fault:
            raise _name_malformed(fault) from None
        return self._decoders[event_code].decode(raw)


def _name_malformed(fault: RecursionError | UnicodeDecodeError) -> msgspec.DecodeError:
    is_text = isinstance(fault, UnicodeDecodeError)
    return msgspec.DecodeError("JSON is not UTF-8" if is_text else "JSON is nested too deeply")


class TypeBuilder:
    """Builds the msgspec types of shapes, each definition once."""

    def __init__(self, catalogue: Catalogue, *, puts_off_patterns: bool = False) -> None:
        self._catalogue = catalogue
        self._puts_off_patterns = puts_off_patterns
        self._built: dict[tuple[str, bool], Any] = {}

    def build_decoder(self, shape: Shape) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.build(shape, "Value"), dec_hook=check_multiple)

    def build(self, shape: Shape, name: str, *, is_listed: bool = False) -> Any:
        match shape:
            case Reference(target):
                key = (target, is_listed)
                if key not in self._built:
                    self._built[key] = self.build(self._catalogue.definitions[target], target, is_listed=is_listed)
                return self._built[key]
            case Text():
                return _build_text(
                    shape, skips_pattern=is_listed and self._puts_off_patterns and can_match_together(shape)
                )
            case Number():
                return _allow_null(_build_number(shape), shape.is_nullable)
            case Flag(is_nullable):
                return _allow_null(bool, is_nullable)
            case Sequence(items, low, high):
                kind = GenericAlias(list, self.build(items, name, is_listed=True))
                return _limit(kind, min_length=low or None, max_length=high)
            case Record():
                return self._build_record(shape, name, is_listed)
            case Choice():
                raise NotImplementedError(f"{name}: a choice between messages is decoded channel by channel")

    def _build_record(self, shape: Record, name: str, is_listed: bool) -> Any:
        fields: list[Any] = []
        for p in shape.properties:
            kind = self.build(p.shape, p.name, is_listed=is_listed)
            field = name_attribute(p.name)
            fields.append((field, kind) if p.is_required else (field, kind | UnsetType, UNSET))
        absent = set(COMMON_BLOCKS) - {p.name for p in shape.properties} if name == "CommonBlock" else set()
        return msgspec.defstruct(
            name_attribute(name),
            fields,
            kw_only=True,
            frozen=True,
            gc=False,
            forbid_unknown_fields=not shape.is_open,
            rename={name_attribute(p.name): p.name for p in shape.properties},
            namespace=dict.fromkeys(absent, UNSET),
        )


def name_attribute(name: str) -> str:
    """The attribute that stands for a property: the same name, with `_` for what Python does not allow."""
    return re.sub(r"\W", "_", name)


def _build_text(shape: Text, *, skips_pattern: bool) -> Any:
    pattern = translate_pattern(shape.pattern) if shape.pattern else None
    if shape.values:
        allowed = (v for v in shape.values if _fits(v, shape, pattern))
        return Literal[(*allowed, None) if shape.is_nullable else tuple(allowed)]
    limits = {"min_length": shape.min_length or None, "max_length": shape.max_length}
    return _allow_null(_limit(str, **limits, pattern=None if skips_pattern else pattern), shape.is_nullable)


def _fits(value: str, shape: Text, pattern: str | None) -> bool:
    too_long = shape.max_length is not None and len(value) > shape.max_length
    return len(value) >= shape.min_length and not too_long and (not pattern or bool(re.search(pattern, value)))


def _build_number(shape: Number) -> Any:
    # A whole number is decoded as a float: to JSON Schema 30.0 is an integer, and bounds are far below 2**53.
    step = shape.multiple_of or (1 if shape.is_whole else None)
    if step is not None and step != int(step):
        return type("Multiple", (Multiple,), {"shape": shape})
    return _limit(float, ge=shape.minimum, le=shape.maximum, multiple_of=step)


class Multiple(float):
    """Stands for a number whose step is a fraction: to binary arithmetic 0.1 is not 100 × 0.001."""

    shape: Number


def check_multiple(kind: type[Any], value: Any) -> Any:
    """msgspec's hook for types it does not know: a `Multiple`. msgspec makes its `ValueError` its own."""
    if not issubclass(kind, Multiple):
        raise NotImplementedError(kind)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Expected a number")
    if not is_within(value, kind.shape):
        raise ValueError(f"Expected a number that's a multiple of {kind.shape.multiple_of}")
    return kind(value)


def is_within(value: float, shape: Number) -> bool:
    """Whether a number keeps to the shape's bounds and step, in exact decimal arithmetic."""
    if shape.minimum is not None and value < shape.minimum:
        return False
    if shape.maximum is not None and value > shape.maximum:
        return False
    step = shape.multiple_of or (1 if shape.is_whole else None)
    return step is None or (Fraction(repr(value)) / Fraction(repr(step))).denominator == 1


def _limit(kind: Any, **limits: Any) -> Any:
    bound = {key: value for key, value in limits.items() if value is not None}
    return Annotated[kind, Meta(**bound)] if bound else kind


def _allow_null(kind: Any, is_nullable: bool) -> Any:
    return kind | None if is_nullable else kind
