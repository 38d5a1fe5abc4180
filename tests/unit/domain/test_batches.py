"""Bodies of calls are taken apart as they are, in memory that does not grow with what is too much."""

import tracemalloc

import pytest

from opendip.domain.batches import split_messages
from opendip.domain.outcomes import Refusal

PADDING = b'"' + b"x" * 3_000_000 + b'"'


def split(body: bytes, most: int = 5) -> list[bytes]:
    raws = split_messages(body, most)
    assert not isinstance(raws, Refusal), raws
    return [bytes(raw) for raw in raws]


def refuse(body: bytes, most: int = 5) -> tuple[int, str]:
    refusal = split_messages(body, most)
    assert isinstance(refusal, Refusal)
    return refusal.status, refusal.help


@pytest.mark.parametrize("large", [b"{}", PADDING])
def test_the_elements_are_those_of_the_array_as_they_were_sent(large: bytes) -> None:
    elements = [b'{ "a" : [1, 2] }', large, b"null", b'""', b"[]"]
    for count in range(1, 6):
        assert split(b" [ " + b" ,\n".join(elements[:count]) + b" ] ") == elements[:count]


@pytest.mark.parametrize("large", [b"{}", PADDING])
def test_more_than_are_taken_are_refused(large: bytes) -> None:
    status, text = refuse(b"[" + b",".join([large, *[b"{}"] * 5]) + b"]")
    assert (status, "at most 5 are taken" in text) == (413, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"[{}", b"[{},]", b"[{}]x", b"[" * 9999])
def test_what_is_no_array_of_elements_is_refused_whatever_its_size(body: bytes) -> None:
    assert refuse(body)[0] == 400
    # White space does not count.
    assert refuse(b" " * 3_000_000 + body)[0] == 400
    if body.startswith(b"[{"):
        assert refuse(body.replace(b"{}", b'{"a":' + PADDING + b"}", 1))[0] == 400


def test_ten_million_elements_are_refused_in_little_memory() -> None:
    body = b"[" + b"0," * 10_000_000 + b"0]"
    split_messages(b"[" + b" " * 3_000_000 + b"0]", 50_000)
    tracemalloc.start()
    assert refuse(body, 50_000)[0] == 413
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_what_follows_beyond_the_most_must_be_json_too() -> None:
    assert refuse(b"[" + b",".join([PADDING, *[b"{}"] * 9, b"nonsense"]) + b"]")[0] == 400
