"""Chunks of published messages kept in memory, up to so many bytes; the oldest go first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

Chunk = TypeVar("Chunk")


class _Kept(NamedTuple, Generic[Chunk]):
    chunk: Chunk
    size: int


class Shelf(Generic[Chunk]):
    """Holds at most `most_bytes`, but always the chunk put there last."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, _Kept[Chunk]] = OrderedDict()
        self._bytes = 0

    def put(self, name: Hashable, chunk: Chunk, size: int) -> None:
        """Instead of what has that name, if anything has. `size`: about as many bytes as it holds."""
        before = self._kept.pop(name, None)
        self._bytes += size - (before.size if before else 0)
        self._kept[name] = _Kept(chunk, size)
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].size

    def find(self, name: Hashable) -> Chunk | None:
        kept = self._kept.get(name)
        return None if kept is None else kept.chunk

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0
