"""Memory for bodies: what all of them may hold together, shared out so that no caller keeps the others waiting."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_SMALL = 4 * 2**20
"""Bytes of room."""
_KEPT = 8
"""One part in so many is kept for small bodies: however many large ones dawdle, a small one need not wait for them."""


class _Part:
    """Room for bodies; each owner has half of it at most, or a single body."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._share = size // 2
        self._held: Counter[str] = Counter()

    def is_within_share(self, owner: str, size: int) -> bool:
        return owner not in self._held or self._held[owner] + size <= self._share

    def change(self, owner: str, size: int) -> None:
        self.free -= size
        self._held[owner] += size
        if not self._held[owner]:
            del self._held[owner]


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """What was taken, to be given back."""

    part: _Part
    owner: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A body that waits for room."""

    owner: str
    size: int
    granted: asyncio.Future[Room]


class BodyBudget:
    """Bytes that all bodies in flight may hold together, or what the largest needs beside the room kept for small ones.

    Whoever finds no room waits in line. Those who already hold their share are passed over.
    """

    def __init__(self, most_bytes: int, largest: int = 0) -> None:
        kept = most_bytes // _KEPT
        self._small = min(_SMALL, kept)
        self._kept = _Part(kept)
        self._open = _Part(max(most_bytes - kept, largest))
        self._line: list[_Turn] = []

    async def take(self, owner: str, size: int) -> Room:
        turn = self._queue(owner, size)
        try:
            return await turn.granted
        except asyncio.CancelledError:
            if turn in self._line:
                self._line.remove(turn)
                self._serve_line()
            else:
                self.give_back(turn.granted.result())
            raise

    def take_now(self, owner: str, size: int) -> Room | None:
        """For a body that is already partly read: waiting with something in hand could block everybody."""
        turn = self._queue(owner, size)
        if turn.granted.done():
            return turn.granted.result()
        self._line.remove(turn)
        return None

    def give_back(self, room: Room) -> None:
        room.part.change(room.owner, -room.size)
        self._serve_line()

    def _queue(self, owner: str, size: int) -> _Turn:
        turn = _Turn(owner, size, asyncio.get_running_loop().create_future())
        self._line.append(turn)
        self._serve_line()
        return turn

    def _serve_line(self) -> None:
        """In order: one for which a part has no room yet is not overtaken there by others."""
        full: set[_Part] = set()
        for turn in [*self._line]:
            has_left = turn.granted.cancelled()
            part = None if has_left else self._find_part(turn, full)
            if part is not None:
                self._line.remove(turn)
                part.change(turn.owner, turn.size)
                turn.granted.set_result(Room(part, turn.owner, turn.size))

    def _find_part(self, turn: _Turn, full: set[_Part]) -> _Part | None:
        """Adds to `full` the parts that this one waits for."""
        parts: Sequence[_Part] = (self._kept, self._open) if turn.size <= self._small else (self._open,)
        for part in parts:
            if not part.is_within_share(turn.owner, turn.size):
                continue
            if part not in full and turn.size <= part.free:
                return part
            full.add(part)
        return None
