from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from opendip.domain.breakers import RECENT, Breaker, BreakerRules, State, get_backoff, record_failure

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
RULES = BreakerRules(failures=3, recent_failures=10, pause=timedelta(seconds=5), ceiling=timedelta(seconds=60))
SOON = timedelta(seconds=1)


def fail(breaker: Breaker, times: int = 1, wait: timedelta = SOON) -> Breaker:
    for _ in range(times):
        breaker = record_failure(breaker, RULES, wait, "no answer in time", NOW)
    return breaker


def test_it_stays_closed_while_failures_are_few() -> None:
    breaker = fail(Breaker(), 2)
    assert (breaker.state, breaker.failures, breaker.until) == (State.CLOSED, 2, None)


def test_failures_in_a_row_open_it() -> None:
    breaker = fail(Breaker(), 3)
    assert (breaker.state, breaker.openings, breaker.until) == (State.OPEN, 1, NOW + timedelta(seconds=5))
    assert breaker.reason == "no answer in time"


def test_half_of_the_last_ones_open_it_though_none_are_in_a_row() -> None:
    every_other = int("01" * (RECENT // 2), 2)
    breaker = record_failure(Breaker(recent=every_other), BreakerRules(failures=5, recent_failures=10), SOON, "", NOW)
    assert breaker.state is State.OPEN


def test_successes_let_old_failures_be_forgotten() -> None:
    old = Breaker(recent=(1 << RECENT) - 1 << RECENT)
    assert fail(old).recent == 1


def test_a_try_that_fails_opens_it_for_twice_as_long_up_to_a_ceiling() -> None:
    pauses = []
    breaker = fail(Breaker(), 3)
    for _ in range(6):
        breaker = fail(Breaker(State.HALF_OPEN, breaker.failures, breaker.recent, breaker.openings))
        assert breaker.until is not None
        pauses.append((breaker.until - NOW).total_seconds())
    assert pauses == [10, 20, 40, 60, 60, 60]


def test_a_longer_wait_that_the_recipient_asks_for_is_kept() -> None:
    assert fail(Breaker(), 3, wait=timedelta(hours=1)).until == NOW + timedelta(hours=1)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_however_long_it_fails_the_numbers_stay_small(failures: int, openings: int) -> None:
    breaker = fail(Breaker(State.HALF_OPEN, failures, (1 << RECENT) - 1, openings))
    assert breaker.recent < 1 << RECENT
    assert breaker.until is not None
    assert breaker.until <= NOW + RULES.ceiling


@given(st.integers(0, 10_000))
def test_the_back_off_doubles_up_to_its_ceiling(failures: int) -> None:
    base, ceiling = timedelta(seconds=1), timedelta(minutes=5)
    expected = min(300, 2 ** min(failures, 20))
    assert get_backoff(base, ceiling, failures) == timedelta(seconds=expected)
