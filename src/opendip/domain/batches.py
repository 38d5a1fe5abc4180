"""The body of a call that sends: a JSON array, taken apart without its elements being decoded (E2E 4.4, 4.7)."""

import msgspec
from msgspec import Raw

from opendip.domain.outcomes import PROCESSING_FAILED, SCHEMA_FAILURE, Refusal, Status

_split = msgspec.json.Decoder(list[Raw]).decode


def split_messages(body: bytes, max_messages: int) -> list[Raw] | Refusal:
    """The elements of the JSON array, undecoded."""
    try:
        raws = _split(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"The body must be a JSON array of messages, in UTF-8: {_describe(error)}."
        return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text)
    if not raws:
        return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, "The array holds no message; send at least one.")
    if len(raws) > max_messages:
        text = f"The call holds {len(raws)} messages; at most {max_messages} are taken. Send fewer at a time."
        return Refusal(Status.TOO_LARGE, PROCESSING_FAILED, text)
    return raws


def _describe(error: Exception) -> str:
    return str(error).rstrip(".") if isinstance(error, msgspec.DecodeError) else "it is not UTF-8, or too deeply nested"
