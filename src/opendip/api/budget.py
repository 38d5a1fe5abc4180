"""Memory for bodies: what all of them may hold together, shared out so that no caller keeps the others waiting."""

import asyncio
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A body that waits for room."""

    owner: str
    size: int
    granted: asyncio.Future[None]


class BodyBudget:
    """Bytes that all bodies in flight may hold together; each owner half of them at most, or a single body.

    Whoever finds no room waits in line. Those who already hold their share are passed over.
    """

    def __init__(self, most_bytes: int) -> None:
        self._free = most_bytes
        self._share = most_bytes // 2
        self._held: Counter[str] = Counter()
        self._line: list[_Turn] = []

    async def take(self, owner: str, size: int) -> None:
        turn = _Turn(owner, size, asyncio.get_running_loop().create_future())
        self._line.append(turn)
        self._serve_line()
        try:
            await turn.granted
        except asyncio.CancelledError:
            if turn in self._line:
                self._line.remove(turn)
                self._serve_line()
            else:
                self.give_back(owner, size)
            raise

    def take_now(self, owner: str, size: int) -> bool:
        """For a body that is already partly read: waiting with something in hand could block everybody."""
        is_anybody_waiting = any(self._is_within_share(turn.owner, turn.size) for turn in self._line)
        if is_anybody_waiting or size > self._free or not self._is_within_share(owner, size):
            return False
        self._grant(owner, size)
        return True

    def give_back(self, owner: str, size: int) -> None:
        self._free += size
        self._held[owner] -= size
        if not self._held[owner]:
            del self._held[owner]
        self._serve_line()

    def _is_within_share(self, owner: str, size: int) -> bool:
        return owner not in self._held or self._held[owner] + size <= self._share

    def _grant(self, owner: str, size: int) -> None:
        self._free -= size
        self._held[owner] += size

    def _serve_line(self) -> None:
        """In order: one for which there is no room yet is not overtaken by smaller ones."""
        for turn in [*self._line]:
            if not self._is_within_share(turn.owner, turn.size):
                continue
            if turn.size > self._free:
                return
            self._line.remove(turn)
            self._grant(turn.owner, turn.size)
            turn.granted.set_result(None)
