"""Whatever bytes come, the answer is one of those there are (E2E 4.4.4.1), in form, and what is taken is delivered."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.market import DATA, SETTLEMENT
from tests.journeys.participants import encode_batch, get_path
from tests.journeys.wire import ask, write_call

CHANNEL = get_path("IF-021")
REFUSALS = {400, 401, 403, 404, 405, 406, 408, 413, 429}
INSIDE_PYTEST = settings(
    deadline=None,
    max_examples=200,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def list_places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything within a JSON value."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in list_places(child, (*path, key)))]


@st.composite
def mutated_messages(draw: st.DrawFn) -> dict[str, Any]:
    """A valid message, of which something is replaced, removed, or put elsewhere."""
    message = draft(periods=2, seed=draw(st.integers(0, 9)))
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in list_places(message) if place]
        if not places:
            break
        *parents, last = draw(st.sampled_from(places))
        node: Any = message
        for key in parents:
            node = node[key]
        match draw(st.sampled_from(("replace", "remove", "add"))):
            case "replace":
                node[last] = draw(values)
            case "remove":
                del node[last]
            case _ if isinstance(node, dict):
                node[draw(texts)] = draw(values)
            case _:
                node.append(draw(values))
    return message


async def check_call(dip: Dip, body: bytes) -> None:
    reply = await dip.participants[DATA].call(CHANNEL, body)
    entries = reply.entries
    if reply.status not in (201, 207):
        assert reply.status in REFUSALS, (reply.status, reply.body)
        assert len(entries) == 1
        assert entries[0]["help"]
        return
    codes = [entry["message"][:7] for entry in entries]
    assert (reply.status == 201) == (set(codes) == {"MSG0000"})
    # All of it goes to central settlement, whatever else it says.
    taken = [entry["transactionID"] for entry in entries if entry["transactionID"]]
    await dip.inboxes[SETTLEMENT].wait_for(*taken)


@INSIDE_PYTEST
@given(body=st.binary(max_size=200) | st.builds(lambda part: b"[" + part + b"]", st.binary(max_size=200)))
async def test_random_bytes_are_refused(dip: Dip, body: bytes):
    await check_call(dip, body)


@INSIDE_PYTEST
@given(value=values)
async def test_random_json_is_refused(dip: Dip, value: Any):
    await check_call(dip, json.dumps([value]).encode())


@INSIDE_PYTEST
@given(messages=st.lists(mutated_messages(), min_size=1, max_size=2))
async def test_mutated_messages_are_refused_or_delivered(dip: Dip, messages: list[dict[str, Any]]):
    await check_call(dip, json.dumps(messages, ensure_ascii=False).encode())


@INSIDE_PYTEST
@given(data=st.data())
async def test_a_message_with_a_bit_turned_is_refused_or_delivered(dip: Dip, data: st.DataObject):
    body = bytearray(encode_batch([draft(periods=2)]))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    await check_call(dip, bytes(body))


@INSIDE_PYTEST
@given(
    name=st.sampled_from(
        ["X-DIP-Signature", "X-DIP-Signature-Date", "X-DIP-Content-Hash", "X-DIP-Signature-Certificate", "X-API-Key"]
    ),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=80),
)
async def test_random_headers_are_refused(dip: Dip, name: str, value: str):
    caller, body = dip.participants[DATA], encode_batch([draft(periods=2)])
    headers = {**caller.sign(CHANNEL, body), "Connection": "close"}
    changed = write_call(CHANNEL, body, {**headers, name: "<here>"}).replace(b"<here>", value.encode("latin-1"))
    answer = await ask(dip.port, caller.tls, changed)
    assert answer[:12] in (b"HTTP/1.1 401", b"HTTP/1.1 400") or (answer == b"" and not value.isascii())


@INSIDE_PYTEST
@given(path=st.text(st.sampled_from("/%.;?#&=+~ abIF-0129vé\\"), max_size=60).map(lambda text: f"/{text}"))
async def test_random_paths_are_refused(dip: Dip, path: str):
    caller = dip.participants[DATA]
    call = write_call("<here>", b"[]", {**caller.sign("/", b"[]"), "Connection": "close"})
    answer = await ask(dip.port, caller.tls, call.replace(b"<here>", path.encode()))
    assert answer == b"" or answer[9:12] in (b"400", b"401", b"404", b"405")


@pytest.mark.parametrize("count", [200])
async def test_many_calls_at_once_are_all_answered(dip: Dip, count: int):
    """Good and bad ones mixed, far more of them than there are connections to the database."""

    def make(number: int) -> bytes:
        return [b"[]", b"[{}]", encode_batch([draft(periods=2)]), b"\0" * 100_000][number % 4]

    await asyncio.gather(*(check_call(dip, make(number)) for number in range(count)))
