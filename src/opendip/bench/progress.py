"""What is seen while a run goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Display:
    """Two bars: messages accepted, deliveries arrived."""

    def __init__(self, progress: Progress, messages: int | None, recipients: int) -> None:
        self._progress = progress
        self._accepted = progress.add_task("Accepted", total=messages, visible=False)
        total = None if messages is None else messages * recipients
        self._delivered = progress.add_task("Delivered", total=total, visible=False)
        self._doing = progress.add_task("", total=None)

    def show(self, doing: str) -> None:
        """What is being done before there is anything to count."""
        self._progress.update(self._doing, description=doing)

    def update(self, accepted: int, delivered: int) -> None:
        self._progress.update(self._doing, visible=False)
        self._progress.update(self._accepted, completed=accepted, visible=True)
        self._progress.update(self._delivered, completed=delivered, visible=True)


@contextmanager
def open_display(console: Console, messages: int | None, recipients: int) -> Iterator[Display]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Drawn seldom: the bench shares its cores with what it measures.
    with Progress(*columns, console=console, refresh_per_second=2, transient=True) as progress:
        yield Display(progress, messages, recipients)
