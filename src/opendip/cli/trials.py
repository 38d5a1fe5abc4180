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


Home = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="A new directory for all of it; a temporary one unless said."),
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the home when it is over.")]
Json = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the figures here.")]


def bench(
    context: typer.Context,
    messages: Annotated[int, typer.Option(help="How many messages to send.")] = 100_000,
    batch: Annotated[int, typer.Option(help="Messages a call.")] = 1_000,
    recipients: Annotated[int, typer.Option(help="Recipients a message.")] = 4,
    rate: Annotated[float | None, typer.Option(help="Messages a second; unless said, all it can.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Send for this long, however many messages that makes.")] = None,
    json: Json = None,
    home: Home = None,
    keep: Keep = False,
) -> None:
    """Measure the hot path on this machine: real calls, a real database, real receivers."""
    if context.invoked_subcommand is not None:
        return
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


def bench_dead(
    recipients: Annotated[int, typer.Option(help="Recipients, each of messages of its own.")] = 60,
    dead: Annotated[int, typer.Option(help="How many of them refuse, hang, answer 500 or reset.")] = 10,
    rate: Annotated[float, typer.Option(help="Messages a second, to all of them.")] = 300,
    seconds: Annotated[float, typer.Option(help="How long without the dead, beside them, and without again.")] = 60,
    json: Json = None,
    home: Home = None,
    keep: Keep = False,
) -> None:
    """Measure what recipients that are well feel of dead ones; 0 only if that is nothing and nothing is lost."""
    from opendip.bench import DeadOptions, run_dead

    raise typer.Exit(run_dead(DeadOptions(recipients, dead, rate, seconds, json, home, keep)))


def bench_drain(
    messages: Annotated[int, typer.Option(help="How long the queue gets before it drains.")] = 1_000_000,
    batch: Annotated[int, typer.Option(help="Messages a call while it is built up.")] = 1_000,
    at_least: Annotated[float, typer.Option(help="Messages a second at which it must drain.")] = 8_000,
    limit: Annotated[int | None, typer.Option(help="The rate that the recipient sets; none unless said.")] = None,
    others_rate: Annotated[float, typer.Option(help="Messages a second to another recipient meanwhile.")] = 50,
    others_seconds: Annotated[float, typer.Option(help="How long those without and beside the queue.")] = 20,
    json: Json = None,
    home: Home = None,
    keep: Keep = False,
) -> None:
    """Measure how a long queue drains and what others feel of it; 0 only if it is fast and they feel nothing."""
    from opendip.bench import DrainOptions, run_drain

    options = DrainOptions(messages, batch, at_least, limit, others_rate, others_seconds, json, home, keep)
    raise typer.Exit(run_drain(options))
