"""Calls that ask for another protocol are calls like others, however they arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.api.parsing import RequestParser

UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
CALLS = [
    (b"POST /a HTTP/1.1\r\nHost: a\r\n%bContent-Length: 5\r\n\r\nabcde", b"/a abcde"),
    (b"POST /b HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"/b abcde"),
    (b"GET /c HTTP/1.1\r\nHost: a\r\n%b\r\n", b"/c "),
    (b"POST /d HTTP/1.1\r\n%bContent-Length: 0\r\n\r\n", b"/d "),
]


class Told:
    """The calls as uvicorn is told of them."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.headers = 0
        self._call = b""

    def on_message_begin(self) -> None:
        self._call = b""

    def on_url(self, url: bytes) -> None:
        self._call += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers += 1

    def on_headers_complete(self) -> None:
        self._call += b" "

    def on_body(self, body: bytes) -> None:
        self._call += body

    def on_message_complete(self) -> None:
        self.calls.append(self._call)


def read(sent: bytes, step: int) -> Told:
    told = Told()
    parser = RequestParser(told)
    for start in range(0, len(sent), step):
        parser.feed_data(sent[start : start + step])
    return told


@pytest.mark.parametrize(("call", "told"), CALLS)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_body_of_a_call_that_asks_for_an_upgrade_is_read(call: bytes, told: bytes, step: int) -> None:
    found = read(call % UPGRADE, step)
    assert found.calls == [told]
    assert found.headers == call.count(b": ") + 2


@given(
    chosen=st.lists(st.tuples(st.sampled_from(CALLS), st.booleans()), max_size=8),
    step=st.integers(1, 400),
)
def test_calls_one_behind_the_other_are_told_apart(chosen: list[tuple[tuple[bytes, bytes], bool]], step: int) -> None:
    sent = b"".join(call % (UPGRADE if asks else b"") for (call, _), asks in chosen)
    assert read(sent, step).calls == [told for (_, told), _ in chosen]
