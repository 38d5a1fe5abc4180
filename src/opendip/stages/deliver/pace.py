"""Which recipients answer slowly, as this worker sees it: they share with the failing ones what is left over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

_SLOW_SECONDS = 2.0


class Pace:
    """Watches POSTs: a recipient is slow from when one takes long until one does not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._numbers = count()
        self._under_way: dict[int, tuple[str, float]] = {}
        self._slow: set[str] = set()

    @contextmanager
    def watch(self, dip_id: str) -> Iterator[None]:
        """Around one POST to that recipient."""
        number, began = next(self._numbers), self._clock()
        self._under_way[number] = (dip_id, began)
        try:
            yield
        finally:
            del self._under_way[number]
            if self._clock() - began > _SLOW_SECONDS:
                self._slow.add(dip_id)
            else:
                self._slow.discard(dip_id)

    def list_slow(self) -> set[str]:
        """Those whose last POST took long, or that keep one waiting."""
        late = self._clock() - _SLOW_SECONDS
        return {*self._slow, *(dip_id for dip_id, began in self._under_way.values() if began < late)}
