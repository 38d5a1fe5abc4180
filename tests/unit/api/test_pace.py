"""How fast a body must come. Times are given, so that no clock is needed."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.api.pace import Pace

LONGEST = timedelta(seconds=120)
SECONDS = st.floats(0, 120)


def find_end(pace: Pace, arrivals: Iterable[tuple[float, int]]) -> float | None:
    """When a body of these parts is given up; None when all of them were in time."""
    received, deadline = 0, pace.get_deadline(0, 0.0)
    for at, size in arrivals:
        if at > deadline:
            return deadline
        received += size
        deadline = pace.get_deadline(received, at)
    return None


@pytest.mark.parametrize("announced", [None, 2**20, 2**28])
def test_a_large_body_of_which_a_byte_comes_now_and_then_is_given_up_after_the_grace(announced: int | None) -> None:
    end = find_end(Pace(announced, LONGEST), [(5.0 * n, 1) for n in range(1, 100)])
    assert end is not None
    assert end < 10.1


@given(seconds=st.floats(0, 110), parts=st.integers(11, 100), size=st.integers(1, 2**22))
def test_one_that_comes_evenly_and_in_time_is_never_given_up(seconds: float, parts: int, size: int) -> None:
    arrivals = [(seconds * number / parts, size) for number in range(1, parts + 1)]
    assert find_end(Pace(parts * size, LONGEST), arrivals) is None


@given(share=st.floats(0.01, 0.99), seconds=SECONDS)
def test_one_that_stops_is_given_up_within_the_silence_however_far_it_has_come(share: float, seconds: float) -> None:
    size = 2**28
    assert Pace(size, LONGEST).get_deadline(int(size * share), seconds) <= seconds + 15


@given(
    arrivals=st.lists(st.tuples(SECONDS, st.integers(1, 2**24)), max_size=50), more=st.integers(0, 2**24), at=SECONDS
)
def test_more_that_comes_never_brings_the_end_nearer(arrivals: list[tuple[float, int]], more: int, at: float) -> None:
    pace, received = Pace(2**28, LONGEST), sum(size for _, size in arrivals)
    assert pace.get_deadline(received + more, at) >= pace.get_deadline(received, at)


def test_one_that_does_not_say_how_large_it_is_must_come_at_some_speed() -> None:
    pace = Pace(None, LONGEST)
    assert find_end(pace, [(n, 16 * 2**10) for n in range(1, 120)]) is None
    assert find_end(pace, [(n, 8 * 2**10) for n in range(1, 120)]) == pytest.approx(20, abs=1)


def test_a_limit_shorter_than_the_grace_leaves_the_grace_as_it_is() -> None:
    assert Pace(100, timedelta(seconds=3)).get_deadline(50, 1.0) == 10
