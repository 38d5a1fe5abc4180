"""`dip alarms`: what an operator must look at."""

import json
from datetime import UTC, datetime
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.databases import ask_database
from opendip.cli.options import DEFAULT_HOME, HomeOption
from opendip.cli.printing import clean, get_width, say

if TYPE_CHECKING:
    from opendip.store.alarms import Alarm
    from opendip.store.pool import Connection

_INDENT = " " * 8
_ADVICE = " See: "
"""What follows it in an alarm's text is a command."""


def show(
    home: HomeOption = DEFAULT_HOME,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the alarms that last, the latest first. Times are UTC; docs/operate.md says what to do about each kind."""
    from opendip.store.alarms import list_alarms

    async def read(connection: "Connection") -> "list[Alarm]":
        return await list_alarms(connection, with_cleared=every)

    alarms = ask_database(home, "dip alarms", read)
    if as_json:
        typer.echo(json.dumps([_make_record(alarm) for alarm in alarms], indent=2))
    else:
        print_alarms(alarms)


def clear(
    ids: Annotated[list[int], typer.Argument(metavar="ID", help="Their numbers, as listed.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Clear alarms by hand. Most clear themselves when their cause is mended; one whose cause lasts comes again."""
    from opendip.store.alarms import clear_numbered

    async def write(connection: "Connection") -> list[int]:
        return await clear_numbered(connection, ids, datetime.now(UTC))

    cleared = ask_database(home, "dip alarms", write)
    typer.echo(f"Cleared: {len(cleared)}.")
    if unknown := sorted(set(ids) - set(cleared)):
        typer.echo(f"No alarm that lasts: {', '.join(map(str, unknown))}. `dip alarms list` has those that do.")
        raise typer.Exit(1)


def _make_record(alarm: "Alarm") -> dict[str, str | int | None]:
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "text": alarm.text,
        "raised": alarm.raised,
        "first_at": _format(alarm.first_at),
        "last_at": _format(alarm.last_at),
        "cleared_at": _format(alarm.cleared_at) if alarm.cleared_at else None,
    }


def print_alarms(alarms: "list[Alarm]") -> None:
    """A few lines each, so that nothing is cut off and a command can be copied whole."""
    for alarm in alarms:
        say(f"{alarm.id:>6}  {alarm.kind}: {alarm.subject}")
        say(f"{_INDENT}{_format(alarm.first_at)} to {_format(alarm.last_at)}, {_count(alarm.raised)}")
        words, see, command = clean(alarm.text).partition(_ADVICE)
        say(fill(words, get_width(), initial_indent=_INDENT, subsequent_indent=_INDENT))
        if see:
            say(f"{_INDENT}{command}")
        if alarm.cleared_at:
            say(f"{_INDENT}cleared {_format(alarm.cleared_at)}")
    if not alarms:
        say("No alarms.")


def _count(raised: int) -> str:
    return "raised once" if raised == 1 else f"raised {raised:,} times"


def _format(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
