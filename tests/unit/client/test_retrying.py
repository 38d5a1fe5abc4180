"""Waiting between attempts: grows, is spread, has an end, and heeds what the server asks."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.client.retrying import Patience, parse_retry_after

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)


@given(st.integers(1, 1000), st.integers())
def test_a_wait_is_within_its_doubling_and_the_ceiling(attempt: int, seed: int):
    patience = Patience(base=timedelta(seconds=1), ceiling=timedelta(seconds=300))
    wait = patience.get_wait(attempt, Random(seed))
    assert timedelta(0) <= wait <= min(timedelta(seconds=300), timedelta(seconds=2 ** min(attempt - 1, 30)))


def test_waits_are_spread_over_the_whole_of_their_range():
    waits = [Patience().get_wait(6, Random(seed)).total_seconds() for seed in range(200)]
    assert min(waits) < 3
    assert max(waits) > 29


@given(st.integers(0, 10_000), st.integers())
def test_what_the_server_asks_is_the_least_to_wait(asked: int, seed: int):
    patience = Patience(ceiling=timedelta(seconds=300))
    wait = patience.get_wait(1, Random(seed), timedelta(seconds=asked))
    assert timedelta(seconds=min(asked, 300)) <= wait <= timedelta(seconds=600)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("Sat, 21 Mar 2026 19:06:00 GMT", 60),
        ("Sat, 21 Mar 2026 19:04:00 GMT", None),
        ("99999999999999999999", 86_400),
        ("-1", None),
        ("soon", None),
        ("\u0667", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: int | None):
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert parse_retry_after(text, NOW) == expected
