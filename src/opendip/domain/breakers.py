"""The circuit breaker of a webhook (E2E 4.6.3): closed, messages go; open, none; half-open, one batch is tried.

It opens on failures in a row or on too many of the last ones, for a pause that doubles while tries fail.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

RECENT = 20
"""How many of the last POSTs count for the rate of failures."""
RECENT_MASK = (1 << RECENT) - 1
_MOST_DOUBLINGS = 20


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When it opens, and for how long."""

    failures: int = 5
    """So many in a row open it."""
    recent_failures: int = 10
    """Or so many of the last RECENT."""
    pause: timedelta = timedelta(seconds=5)
    """How long it is open the first time; then twice that, four times…"""
    ceiling: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Breaker:
    """One webhook's. `recent` has a bit for each of the last POSTs, the latest lowest; 1: it failed."""

    state: State = State.CLOSED
    failures: int = 0
    recent: int = 0
    openings: int = 0
    """How often it has opened without a success between."""
    until: datetime | None = None
    """Open: nothing is sent before. Half-open: the try is given up then."""
    reason: str = ""


def record_failure(breaker: Breaker, rules: BreakerRules, wait: timedelta, reason: str, now: datetime) -> Breaker:
    """After a POST that failed. `wait`: how long that queue waits in any case, by its back-off or Retry-After."""
    failures, recent = breaker.failures + 1, (breaker.recent << 1 | 1) & RECENT_MASK
    failed = replace(breaker, failures=failures, recent=recent, reason=reason)
    opens = (
        breaker.state is not State.CLOSED or failures >= rules.failures or recent.bit_count() >= rules.recent_failures
    )
    if not opens:
        return failed
    pause = min(rules.ceiling, rules.pause * (1 << min(breaker.openings, _MOST_DOUBLINGS)))
    return replace(failed, state=State.OPEN, openings=breaker.openings + 1, until=now + max(pause, wait))


def get_backoff(base: timedelta, ceiling: timedelta, failures: int) -> timedelta:
    """The longest pause after so many failures before this one; a random part of it is taken (full jitter)."""
    return min(ceiling, base * (1 << min(failures, _MOST_DOUBLINGS)))
