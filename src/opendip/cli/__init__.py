"""The command `dip`: its commands, each in a module beside this one, and what it says when one fails."""

import sys
from collections.abc import Callable, Sequence

import typer

from opendip.cli import (
    alarms,
    catalogue,
    certificates,
    channels,
    dead_letters,
    homes,
    markets,
    openapi,
    participants,
    processes,
    redriving,
    replays,
    trials,
    webhooks,
)
from opendip.cli.failures import explain
from opendip.domain.plain_text import has_control, make_plain


def make_app() -> typer.Typer:
    app = typer.Typer(
        name="dip",
        help="OpenDIP: the message broker of Britain's half-hourly electricity settlement.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.command()(homes.init)
    app.command()(homes.settings)
    app.command()(processes.serve)
    app.command()(processes.api)
    app.command()(processes.worker)
    app.command()(processes.clock)
    app.command()(participants.send)
    app.command()(participants.receive)
    app.command()(replays.replay)
    app.command()(replays.requeue)
    app.command()(openapi.openapi)
    app.command()(trials.demo)
    app.add_typer(_make_bench(), name="bench")
    app.add_typer(_group("Who takes part in the market.", apply=markets.apply), name="market")
    app.add_typer(
        _group("The certificates issued.", list=certificates.show, revoke=certificates.revoke),
        name="certificates",
    )
    app.add_typer(_group("The rules of single channels.", list=channels.show, set=channels.change), name="channel")
    app.add_typer(
        _group(
            "What did not arrive, and why.",
            list=dead_letters.show_all,
            show=dead_letters.show,
            redrive=redriving.redrive,
            dismiss=redriving.dismiss,
        ),
        name="dead-letters",
    )
    app.add_typer(_group("What an operator must look at.", list=alarms.show, clear=alarms.clear), name="alarms")
    app.add_typer(
        _group(
            "Where messages are delivered, and how that goes.",
            list=webhooks.show,
            pause=webhooks.pause,
            resume=webhooks.resume,
            wake=webhooks.wake,
        ),
        name="webhooks",
    )
    app.add_typer(_group("What messages look like.", **{"import": catalogue.import_files}), name="catalogue")
    return app


def _make_bench() -> typer.Typer:
    """A command that has commands of its own."""
    bench = typer.Typer(callback=trials.bench, invoke_without_command=True)
    bench.command("dead")(trials.bench_dead)
    bench.command("drain")(trials.bench_drain)
    return bench


def _group(words: str, **commands: Callable[..., None]) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=words)
    for name, command in commands.items():
        group.command(name)(command)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit codes: 0 done, 1 failed with one message, 2 not called as it should be."""
    given = sys.argv[1:] if arguments is None else arguments
    for argument in given:
        if has_control(argument.replace("\n", "").replace("\t", "")):
            print(f"dip: an argument holds control characters, leave them out: {make_plain(argument)}", file=sys.stderr)
            sys.exit(2)
    try:
        make_app()(args=given)
    except Exception as fault:
        print(f"dip: {explain(fault)}", file=sys.stderr)
        sys.exit(1)
