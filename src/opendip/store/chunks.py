"""The archive's form of a submission's bytes: chunks of up to 250 messages, compressed together with zstd.

A chunk holds the sender's bytes as they came, those between the messages included, so that all chunks of a
submission in order are the very body that was signed. Before them stand, for each message, how many bytes come
before it and how long it is.
"""

import struct
from collections.abc import Iterable, Sequence

import msgspec
import zstandard

MESSAGES_IN_A_CHUNK = 250
LEVEL = 2
_LARGE = 8 * 2**20

Span = tuple[int, int]
"""Where a message begins and ends in its submission's body."""


def find_spans(body: bytes, messages: Sequence[msgspec.Raw]) -> list[Span]:
    """Where the elements of the JSON array stand in it. Every element must be an object."""
    spans: list[Span] = []
    position = 0
    for message in messages:
        start = body.index(b"{", position)
        position = start + memoryview(message).nbytes
        spans.append((start, position))
    return spans


def pack_chunks(body: bytes, spans: Sequence[Span]) -> Iterable[bytes]:
    """The chunks of a submission, one by one, so that the caller may do other work between two."""
    view = memoryview(body)
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    begin = 0
    for first in range(0, len(spans), MESSAGES_IN_A_CHUNK):
        inside = spans[first : first + MESSAGES_IN_A_CHUNK]
        is_last = first + MESSAGES_IN_A_CHUNK >= len(spans)
        end = len(body) if is_last else inside[-1][1]
        yield compressor.compress(_frame(inside, begin) + bytes(view[begin:end]))
        begin = end


def _frame(spans: Sequence[Span], begin: int) -> bytes:
    numbers = [len(spans)]
    previous = begin
    for start, end in spans:
        numbers += (start - previous, end - start)
        previous = end
    return struct.pack(f"<{len(numbers)}I", *numbers)


def is_large(content: bytes) -> bool:
    """Whether a chunk takes long to unpack: a few bytes can hold megabytes of spaces."""
    return zstandard.frame_content_size(content) > _LARGE


def unpack_chunk(content: bytes) -> list[bytes]:
    """The messages of a chunk, each exactly as sent."""
    data, numbers, position = _open(content)
    messages = []
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        position += gap
        messages.append(data[position : position + length])
        position += length
    return messages


def rebuild_body(contents: Iterable[bytes]) -> bytes:
    """The body that was signed, from all chunks of a submission in order."""
    return b"".join(data[position:] for data, _, position in map(_open, contents))


def _open(content: bytes) -> tuple[bytes, tuple[int, ...], int]:
    data = zstandard.ZstdDecompressor().decompress(content)
    (count,) = struct.unpack_from("<I", data)
    numbers = struct.unpack_from(f"<{2 * count}I", data, 4)
    return data, numbers, 4 + 8 * count
