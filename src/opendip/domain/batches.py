"""The body of a call that sends: a JSON array, taken apart without its elements being decoded (E2E 4.4, 4.7)."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw

from opendip.domain.outcomes import PROCESSING_FAILED, SCHEMA_FAILURE, Refusal, Status

_SMALL = 2 * 2**20
"""Bytes. However small its elements are, a body no larger than this is taken apart in little memory."""
_NONE = Raw()
_split = msgspec.json.Decoder(list[Raw]).decode


def split_messages(body: bytes, max_messages: int) -> list[Raw] | Refusal:
    """The elements of the JSON array, undecoded."""
    try:
        raws = _split(body) if len(body) <= _SMALL else _make_splitter(max_messages + 1)(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"The body must be a JSON array of messages, in UTF-8: {_describe(error)}."
        return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text)
    if not raws:
        return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, "The array holds no message; send at least one.")
    if len(raws) > max_messages:
        count = len(raws) if len(body) <= _SMALL else f"more than {max_messages}"
        text = f"The call holds {count} messages; at most {max_messages} are taken. Send fewer at a time."
        return Refusal(Status.TOO_LARGE, PROCESSING_FAILED, text)
    return raws


def prepare_splitting(max_messages: int) -> None:
    """Once, at start: the first large body is not to wait for it, nor the others with it."""
    _make_splitter(max_messages + 1)


@cache
def _make_splitter(most: int) -> Callable[[bytes], list[Raw]]:
    """Finds the first so many elements. The rest is passed over: a list of a hundred million would fill the memory.

    A structure written as an array has room for so many and no more.
    """
    names = [f"m{number}" for number in range(most)]
    kind: Any = msgspec.defstruct("Elements", [(name, Raw, _NONE) for name in names], array_like=True, gc=False)
    decode = msgspec.json.Decoder(kind).decode

    def split(body: bytes) -> list[Raw]:
        elements = decode(body)
        found: list[Raw] = []
        for name in names:
            raw = getattr(elements, name)
            if raw is _NONE:
                break
            found.append(raw)
        return found

    return split


def _describe(error: Exception) -> str:
    return str(error).rstrip(".") if isinstance(error, msgspec.DecodeError) else "it is not UTF-8, or too deeply nested"
