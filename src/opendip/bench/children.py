"""The bench's own processes, which send and receive, and how they are spoken to."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_int64
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeAlias

from opendip.domain.problems import Problem

Count: TypeAlias = c_int64
"""A number one process counts up and others may look at."""
_SECONDS_TO_END = 10


class ChildEnded(Problem):
    """A process of the bench ended before its work was done."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process with a pipe to it and a number it counts up."""

    process: BaseProcess
    pipe: Connection
    count: Count

    @property
    def pid(self) -> int:
        assert self.process.pid is not None, "it was started"
        return self.process.pid

    def tell(self, word: Any) -> None:
        self.pipe.send(word)

    async def hear(self) -> Any:
        """The next thing it says."""
        try:
            return await asyncio.to_thread(self.pipe.recv)
        except EOFError:
            raise ChildEnded(f"The bench's {self.process.name} ended early; see what it wrote above.") from None


@contextmanager
def start_child(name: str, work: Callable[[Any, Count, Connection], None], orders: Any) -> Iterator[Child]:
    """Runs `work(orders, count, pipe)` in a new interpreter; ended at the end, whatever it is at."""
    context = get_context("spawn")
    count: Count = context.Value("q", 0, lock=False)
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(orders, count, theirs), name=name, daemon=True)
    process.start()
    # Only the child holds its end, so that its death ends the pipe.
    theirs.close()
    try:
        yield Child(process, ours, count)
    finally:
        process.terminate()
        process.join(_SECONDS_TO_END)
        ours.close()
