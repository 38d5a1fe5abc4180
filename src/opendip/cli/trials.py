"""`dip demo` and `dip bench`."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    home: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="A new directory for all of it; a temporary one unless said."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it up at the end, until Ctrl-C.")] = False,
) -> None:
    """Run a small market from nothing to the end of a business day; 0 only if every delivery was right."""
    from opendip.simulator.demo import run

    raise typer.Exit(run(home, keep))


def bench(
    messages: Annotated[int, typer.Option(help="How many messages to send.")] = 100_000,
    batch: Annotated[int, typer.Option(help="Messages a call.")] = 1_000,
    recipients: Annotated[int, typer.Option(help="Recipients a message.")] = 4,
    rate: Annotated[float | None, typer.Option(help="Messages a second; unless said, all it can.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Send for this long, however many messages that makes.")] = None,
    json: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here.")] = None,
    home: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="A new directory for all of it; a temporary one unless said."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the home when it is over.")] = False,
) -> None:
    """Measure the hot path on this machine: real calls, a real database, real receivers."""
    from opendip.bench import BenchOptions, run

    options = BenchOptions(
        messages=messages,
        batch=batch,
        recipients=recipients,
        rate=rate,
        seconds=seconds,
        json=json,
        home=home,
        keep=keep,
    )
    raise typer.Exit(run(options))
