"""What a recipient answers, rightly or wrongly: each mood is a way of answering a POST (E2E 4.6.6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from opendip.client.types import RECEIVED, ResponseEntry, StandardResponse, encode, format_timestamp
from tests.faults.history import strip_replay

REFUSAL = "RCP1005 - Refused by a recipient in a mood"
"""Each refusal is in words of its own, so that none is taken for another."""
_NOBODYS_TIME = "2026-03-21T19:05:00+00:00"
OVERSIZED_BYTES = 64 * 2**20 + 1
"""More than the DIP reads of an answer."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a mood sees of a POST: what it carries (key to transaction id), and as what it is received."""

    transactions: Mapping[str, str]
    role: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to give. `said` counts only when it is given whole and in time."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str | None] = field(default_factory=dict)
    manner: str = "whole"
    """whole, late, half, reset, hang or oversized."""


Mood = Callable[[Arrival, Random], Answer]


def take(arrival: Arrival, _: Random) -> Answer:
    return _respond(arrival, dict.fromkeys(arrival.transactions))


def refuse_some(arrival: Arrival, random: Random) -> Answer:
    keys = arrival.transactions
    return _respond(arrival, {k: _make_refusal(arrival, random) if random.random() < 0.3 else None for k in keys})


def mention_some(arrival: Arrival, random: Random) -> Answer:
    """A 207 with holes: of the rest nothing is known, and it must come again."""
    keys = list(arrival.transactions)
    mentioned = random.sample(keys, random.randint(1, len(keys)))
    return _respond(arrival, dict.fromkeys(mentioned), status=207)


def refuse_and_leave_out(arrival: Arrival, random: Random) -> Answer:
    said = {
        key: random.choice((None, _make_refusal(arrival, random)))
        for key in arrival.transactions
        if random.random() < 0.7
    }
    return _respond(arrival, said, status=207) if said else take(arrival, random)


def refuse_all(arrival: Arrival, random: Random) -> Answer:
    """E2E 4.6.5: the whole batch is refused, perhaps without a word about single messages, and not sent again."""
    status = random.choice((400, 405, 406))
    if _has_twins(arrival) or random.random() < 0.5:
        return _respond(arrival, {key: _make_refusal(arrival, random) for key in arrival.transactions}, status)
    refusal = _make_refusal(arrival, random)
    body = encode(StandardResponse([_make_entry(None, refusal, _NOBODYS_TIME)], _NOBODYS_TIME))
    return Answer(status, body, {}, dict.fromkeys(arrival.transactions, refusal))


def _has_twins(arrival: Arrival) -> bool:
    """A message and its replay: refused in the same words, the same would be told of both, and look like a repeat."""
    return len({strip_replay(key) for key in arrival.transactions}) < len(arrival.transactions)


def ask_for_later(_: Arrival, random: Random) -> Answer:
    headers = random.choice(({}, {"Retry-After": "1"}, {"Retry-After": "nonsense"}))
    return Answer(random.choice((408, 429, 500, 502, 503, 504)), b"{}", headers)


def answer_garbage(_: Arrival, random: Random) -> Answer:
    bodies = (b"", b"{}", b"[]", b"\xff\xfe", b'{"messageArray":[]}', b'{"messageArray":[{}]}', b"[" * 10_000)
    return Answer(207, random.choice(bodies))


def send_elsewhere(_: Arrival, random: Random) -> Answer:
    """Redirects, and what only a person can mend: the queue stops until it is woken."""
    status = random.choice((301, 307, 401, 403, 404, 505))
    return Answer(status, b"", {"Location": "https://127.0.0.1:1/"} if status < 400 else {})


def take_few(arrival: Arrival, random: Random) -> Answer:
    return take(arrival, random) if len(arrival.transactions) <= 3 else Answer(413)


def _in_manner(manner: str) -> Mood:
    def answer(arrival: Arrival, random: Random) -> Answer:
        whole = take(arrival, random)
        return Answer(whole.status, whole.body, whole.headers, {}, manner)

    return answer


MOODS: Mapping[str, Mood] = {
    "take": take,
    "refuse some": refuse_some,
    "mention some": mention_some,
    "refuse and leave out": refuse_and_leave_out,
    "refuse all": refuse_all,
    "ask for later": ask_for_later,
    "answer garbage": answer_garbage,
    "send elsewhere": send_elsewhere,
    "take few": take_few,
    **{manner: _in_manner(manner) for manner in ("late", "half", "reset", "hang", "oversized")},
}
STOPPING = frozenset({"send elsewhere"})
"""After these an operator wakes the queue, once the recipient is mended."""
ABOUT_STATUSES = frozenset({"take", "ask for later", "late", "half", "reset", "hang", "oversized"})
"""Moods that status messages meet too; in any other a recipient takes them."""


def _respond(arrival: Arrival, said: Mapping[str, str | None], status: int | None = None) -> Answer:
    at = format_timestamp(datetime.now(UTC))
    entries = [_make_entry(arrival.transactions[key], text, at) for key, text in said.items()]
    if status is None:
        status = 207 if any(said.values()) else 201
    return Answer(status, encode(StandardResponse(entries, at)), {}, said)


def _make_refusal(arrival: Arrival, random: Random) -> str:
    return f"{REFUSAL}, as {arrival.role}, {random.randrange(16**8):08x}"


def _make_entry(transaction: str | None, refusal: str | None, at: str) -> ResponseEntry:
    message = RECEIVED if refusal is None else refusal
    return ResponseEntry(transaction, None, None, at, "0000000000", None, None, message)
