"""Replays under way: so many at a time, and of one organisation fewer, so that they hold up neither each other nor
calls."""

from collections import Counter


class ReplaySlots:
    """One process's; what is beyond is told to come again."""

    def __init__(self, most: int = 4, most_of_one: int = 2) -> None:
        self._free = most
        self._most_of_one = most_of_one
        self._held: Counter[str] = Counter()

    def take(self, organisation: str) -> bool:
        if not self._free or self._held[organisation] >= self._most_of_one:
            return False
        self._free -= 1
        self._held[organisation] += 1
        return True

    def give_back(self, organisation: str) -> None:
        self._free += 1
        self._held[organisation] -= 1
        if not self._held[organisation]:
            del self._held[organisation]
