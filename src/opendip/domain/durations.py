"""Durations as people write and read them: 90s, 15m, 36h, 14d."""

import re
from datetime import timedelta

from opendip.domain.problems import Problem

_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORDS = (("day", 86400), ("hour", 3600), ("minute", 60))
_SHORTEST = 0.001
_LONGEST = timedelta(days=3650)


class UnusableDuration(Problem):
    """A text is no duration, or not one that can be used."""


def parse_duration(text: str) -> timedelta:
    """Such as 0.5s, 90s, 15m, 36h or 14d; without a unit nobody knows whether 14 are days or seconds."""
    match = _WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        raise UnusableDuration(f"{text!r} is no duration. Write a number and its unit, such as 90s, 15m, 36h or 14d.")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not _SHORTEST <= seconds <= _LONGEST.total_seconds():
        raise UnusableDuration(
            f"{text} cannot be used: a duration is {_SHORTEST}s at least and {_LONGEST.days}d at most."
        )
    return timedelta(seconds=seconds)


def describe_duration(duration: timedelta) -> str:
    """In the largest unit that it is a whole number of: 14 days, 36 hours, 1.5 seconds."""
    seconds = duration.total_seconds()
    for word, size in _WORDS:
        if seconds >= size and seconds % size == 0:
            return _count(seconds / size, word)
    return _count(seconds, "second")


def _count(number: float, word: str) -> str:
    return f"{number:g} {word}" if number == 1 else f"{number:g} {word}s"
