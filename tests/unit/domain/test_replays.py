"""Which messages a request is for, and how the answers to it go on (E2E 4.9.1, FS 5.5.11)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.domain.replays import (
    LAST_INDEX,
    Position,
    Range,
    UnusableRequest,
    Wanted,
    digest_request,
    find_range,
    make_token,
    read_request,
    read_token,
)
from opendip.domain.status_requests import read_status_request

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
OLDEST = NOW - timedelta(days=730)
HOUR, SECOND, MOMENT = timedelta(hours=1), timedelta(seconds=1), timedelta(microseconds=1)


def ask(**wishes: object) -> Wanted:
    nothing = dict.fromkeys(("datetimeFrom", "datetimeTo", "eventCode", "MPAN", "version"))
    return read_request(json.dumps({**nothing, **wishes}).encode())


def wanted(from_at: datetime | None = None, until: datetime | None = None) -> Wanted:
    return Wanted(from_at, until, None, None, None, ())


def test_everything_that_can_be_asked_for_is_read() -> None:
    asked = ask(
        datetimeFrom="2026-03-21T19:05:00+01:00",
        datetimeTo="2026-03-21T19:05:07+00:00",
        eventCode="[ActivePower]",
        MPAN="2000000000006",
        version="011",
        transactionIDs=["b", "a", "b"],
    )
    to = datetime(2026, 3, 21, 19, 5, 8, tzinfo=UTC)
    assert asked == Wanted(NOW - HOUR, to, "ActivePower", 2_000_000_000_006, "011", ("b", "a"))


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"MPAN": "2000000000006"},
        {"datetimeTo": "2026-03-21T19:05:00+00:00"},
        {"datetimeFrom": "2026-03-21T19:05:00Z"},
        {"datetimeFrom": "2026-03-21 19:05:00+00:00"},
        {"datetimeFrom": "2026-13-21T19:05:00+00:00"},
        {"datetimeFrom": "2026-03-21T19:05:01+00:00", "datetimeTo": "2026-03-21T19:05:00+00:00"},
        {"transactionIDs": None},
        {"transactionIDs": ["a"], "eventCode": ""},
        {"transactionIDs": ["a"], "eventCode": "x" * 51},
        {"transactionIDs": ["a"], "version": "x" * 11},
        {"transactionIDs": ["a"], "MPAN": "2000000000006\n"},
        {"transactionIDs": ["a"], "MPAN": 2000000000006},
        {"transactionIDs": ["a"], "mpan": None},
    ],
)
def test_what_cannot_be_done_is_refused(wishes: dict[str, object]) -> None:
    with pytest.raises(UnusableRequest):
        ask(**wishes)


def test_a_refusal_quotes_no_metering_point() -> None:
    with pytest.raises(UnusableRequest) as refused:
        ask(transactionIDs=["a"], MPAN="20000000000067")
    assert "2000000" not in str(refused.value)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"MPAN": "2000"}, "MPAN must be text of 13 digits, or null."),
        ({"datetimeFrom": "yesterday"}, "datetimeFrom must be a time of 25 characters, such as 2026-03-21T19:05:00"),
        ({"transactionIDs": ["a" * 66]}, "transactionIDs must be a list of 1 to 100 ids of at most 65 characters"),
        ({"2000000000006": None}, "these properties and no others: datetimeFrom, datetimeTo, eventCode, MPAN"),
    ],
)
def test_a_refusal_says_in_words_what_is_expected(wishes: dict[str, object], words: str) -> None:
    with pytest.raises(UnusableRequest) as refused:
        ask(**wishes)
    assert words in str(refused.value)
    assert "2000000000006" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "datetimeFrom must be there: a time of 25 characters"),
        (b"[]", "one JSON object"),
        (b"{", "not JSON"),
        (b'"\xff"', "not JSON|one JSON object"),
    ],
)
def test_both_kinds_of_request_are_refused_in_words(body: bytes, words: str) -> None:
    for read in (read_request, read_status_request):
        with pytest.raises(UnusableRequest, match=words):
            read(body)


def test_ids_alone_are_no_range() -> None:
    assert find_range(wanted(), [NOW - HOUR], OLDEST, NOW) is None


def test_without_an_end_everything_up_to_now_is_wanted() -> None:
    assert find_range(wanted(NOW - HOUR), [], OLDEST, NOW) == Range(NOW - HOUR, NOW)


def test_the_earliest_start_and_the_latest_end_win() -> None:
    named = [NOW - 3 * HOUR, NOW - 2 * HOUR]
    assert find_range(wanted(NOW - HOUR), named, OLDEST, NOW) == Range(NOW - 3 * HOUR, NOW - 2 * HOUR + MOMENT)
    assert find_range(wanted(None, NOW - HOUR), named, OLDEST, NOW) == Range(NOW - 3 * HOUR, NOW - HOUR)
    both = wanted(NOW - 4 * HOUR, NOW - 3 * HOUR)
    assert find_range(both, named, OLDEST, NOW) == Range(NOW - 4 * HOUR, NOW - 2 * HOUR + MOMENT)


def test_an_end_without_any_start_is_no_range() -> None:
    assert find_range(wanted(None, NOW), [], OLDEST, NOW) is None


def test_nothing_older_is_wanted_than_is_kept() -> None:
    assert find_range(wanted(OLDEST - HOUR), [], OLDEST, NOW) == Range(OLDEST, NOW)


positions = st.builds(Position, st.integers(0, 2**48 - 1), st.integers(0, LAST_INDEX))


@given(positions, st.integers(0, 2**54 - 1))
def test_a_token_leads_back_to_its_position(position: Position, digest: int) -> None:
    token = make_token(position, digest)
    assert token.version == 8
    assert read_token(str(token), digest) == position


@pytest.mark.parametrize("text", ["", "x", "00000000-0000-4000-8000-000000000000", "{}", "8" * 31 + "x"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(UnusableRequest):
        read_token(text, 7)


def test_a_token_of_another_request_is_refused() -> None:
    token = make_token(Position(5, 6), digest_request("IF-021", "2300000012", wanted(NOW)))
    for other in (("IF-024", "2300000012", wanted(NOW)), ("IF-021", "2300000012", wanted(NOW - SECOND))):
        with pytest.raises(UnusableRequest):
            read_token(str(token), digest_request(*other))
