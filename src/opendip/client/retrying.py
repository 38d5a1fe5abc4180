"""When to call again, and how long to wait first: exponential back-off with full jitter, honouring `Retry-After`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""E2E 4.4.4.1: the answers after which the same call is made again. Every other refusal is final."""

_MAX_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try and how long to wait: up to `base`, then twice, four times that, never beyond `ceiling`."""

    max_attempts: int = 10
    base: timedelta = timedelta(seconds=1)
    ceiling: timedelta = timedelta(minutes=5)

    def get_wait(self, attempt: int, random: Random, asked: timedelta | None = None) -> timedelta:
        """Before the next attempt, after so many (1 or more) have failed.

        The server's own wish (`asked`) is the least to wait, and is itself kept to the ceiling.
        """
        limit = min(self.ceiling, self.base * 2 ** min(attempt - 1, _MAX_DOUBLINGS))
        jittered: timedelta = random.random() * limit
        return jittered if asked is None else min(asked, self.ceiling) + jittered


def parse_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110 10.2.3); what is neither, or in the past, asks for nothing."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 86_400))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return wait if wait > timedelta(0) else None
