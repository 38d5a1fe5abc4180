"""What is to be measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opendip.domain.problems import Problem

MOST_RECIPIENTS = 8
MOST_SUPPLIERS = 500
_MOST_IN_A_CALL = 50_000
_OF_A_LIMIT = 0.9


class UnusableOption(Problem):
    """The bench cannot be run as asked; the text says which option and what is expected."""


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How many messages are sent, how, and where the result goes.

    With `rate` (messages a second) batches leave at a steady pace, however slow the answers; without it, a few
    connections send as fast as they are answered. `seconds` limits the time, and then `messages` does not count.
    """

    messages: int = 100_000
    batch: int = 1000
    recipients: int = 4
    rate: float | None = None
    seconds: float | None = None
    json: Path | None = None
    home: Path | None = None
    keep: bool = False

    def check(self) -> None:
        """Raises `UnusableOption`."""
        _expect(self.messages >= 1, "--messages", "at least 1")
        _expect(1 <= self.batch <= _MOST_IN_A_CALL, "--batch", f"1 to {_MOST_IN_A_CALL} (E2E 4.4)")
        _expect(1 <= self.recipients <= MOST_RECIPIENTS, "--recipients", f"1 to {MOST_RECIPIENTS}")
        _expect(self.rate is None or self.rate > 0, "--rate", "more than 0 messages a second")
        _expect(self.seconds is None or self.seconds > 0, "--seconds", "more than 0")

    @property
    def planned(self) -> int | None:
        """How many messages will be sent; None when only the time decides."""
        if self.seconds is None:
            return self.messages
        return None if self.rate is None else max(1, round(self.rate * self.seconds))

    def list_batches(self) -> Iterator[int]:
        """The sizes of the batches to come, without end when only the time decides."""
        left = self.planned
        while left is None or left > 0:
            size = self.batch if left is None else min(self.batch, left)
            left = None if left is None else left - size
            yield size


@dataclass(frozen=True, slots=True)
class DeadOptions:
    """How many recipients there are and how many of them are dead; how fast and how long messages go to them."""

    recipients: int = 60
    dead: int = 10
    rate: float = 300.0
    seconds: float = 60.0
    json: Path | None = None
    home: Path | None = None
    keep: bool = False

    def check(self) -> None:
        """Raises `UnusableOption`."""
        _expect(2 <= self.recipients <= MOST_SUPPLIERS, "--recipients", f"2 to {MOST_SUPPLIERS}")
        _expect(1 <= self.dead < self.recipients, "--dead", "at least 1, and fewer than there are recipients")
        _expect(self.rate > 0, "--rate", "more than 0 messages a second")
        _expect(self.seconds > 0, "--seconds", "more than 0")


@dataclass(frozen=True, slots=True)
class DrainOptions:
    """How long the queue of one recipient gets, and how fast it must drain; how fast others get theirs meanwhile."""

    messages: int = 1_000_000
    batch: int = 1000
    at_least: float = 8000.0
    limit: int | None = None
    """The rate that the recipient itself sets, in messages a second."""
    others_rate: float = 50.0
    others_seconds: float = 20.0
    json: Path | None = None
    home: Path | None = None
    keep: bool = False

    @property
    def promised_rate(self) -> float:
        """Messages a second; with a rate of the recipient's own, not much less than that will do."""
        return self.at_least if self.limit is None else min(self.at_least, _OF_A_LIMIT * self.limit)

    def check(self) -> None:
        """Raises `UnusableOption`."""
        _expect(self.messages >= 1, "--messages", "at least 1")
        _expect(1 <= self.batch <= _MOST_IN_A_CALL, "--batch", f"1 to {_MOST_IN_A_CALL} (E2E 4.4)")
        _expect(self.at_least >= 0, "--at-least", "0 messages a second or more")
        _expect(self.limit is None or self.limit >= 1, "--limit", "at least 1 message a second")
        _expect(self.others_rate > 0, "--others-rate", "more than 0 messages a second")
        _expect(self.others_seconds > 0, "--others-seconds", "more than 0")


def _expect(holds: bool, option: str, expected: str) -> None:
    if not holds:
        raise UnusableOption(f"{option}: {expected} is expected.")
