import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from opendip.store.chunks import MESSAGES_IN_A_CHUNK, find_spans, pack_chunks, rebuild_body, unpack_chunk

SPACE = st.text(alphabet=" \n\r\t", max_size=3)
MESSAGE = st.dictionaries(st.text(max_size=4), st.text(max_size=9) | st.integers() | st.none(), max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A JSON array with any white space between its objects, and the objects as they stand in it."""
    messages = [json.dumps(m, ensure_ascii=False).encode() for m in draw(st.lists(MESSAGE, min_size=1, max_size=9))]
    parts = [draw(SPACE).encode() + m + draw(SPACE).encode() for m in messages]
    return draw(SPACE).encode() + b"[" + b",".join(parts) + b"]" + draw(SPACE).encode(), messages


@given(bodies())
def test_every_message_is_found_again_and_the_signed_body_is_rebuilt(
    given: tuple[bytes, list[bytes]],
) -> None:
    body, messages = given
    raws = msgspec.json.decode(body, type=list[msgspec.Raw])
    chunks = list(pack_chunks(body, find_spans(body, raws)))
    assert [m for chunk in chunks for m in unpack_chunk(chunk)] == messages
    assert rebuild_body(chunks) == body


def test_a_long_submission_is_cut_into_chunks_of_250() -> None:
    body = b"[" + b" , ".join(b'{"n":%d}' % n for n in range(2 * MESSAGES_IN_A_CHUNK + 1)) + b"]\n"
    raws = msgspec.json.decode(body, type=list[msgspec.Raw])
    chunks = list(pack_chunks(body, find_spans(body, raws)))
    assert [len(unpack_chunk(chunk)) for chunk in chunks] == [250, 250, 1]
    assert rebuild_body(chunks) == body
