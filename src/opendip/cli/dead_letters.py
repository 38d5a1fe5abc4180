"""`dip dead-letters list` and `show`."""

import csv
import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.databases import ask_database
from opendip.cli.letter_options import (
    ChannelOption,
    KindOption,
    OwnerOption,
    RecipientOption,
    SinceOption,
    UntilOption,
    make_filter,
)
from opendip.cli.letter_printing import COLUMNS, make_record, print_letter, print_list
from opendip.cli.options import DEFAULT_HOME, HomeOption

if TYPE_CHECKING:
    from opendip.operations.dead_letters import DescribedLetter, ShownLetter
    from opendip.store.pool import Connection

_SHOWN = 100


def show_all(
    home: HomeOption = DEFAULT_HOME,
    recipient: RecipientOption = None,
    channel: ChannelOption = None,
    kind: KindOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    settled: Annotated[
        bool, typer.Option("--settled/--open", help="Those dealt with, or those that wait for it.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"At most so many: {_SHOWN} unless said; with --csv and --json all.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List dead letters, the latest first. Times are UTC."""
    from opendip.operations.dead_letters import describe_letters
    from opendip.store.dead_letters import count_dead_letters

    wanted = make_filter(None, recipient, channel, kind, owner, since, until)

    async def write(connection: "Connection") -> None:
        if as_csv:
            await _write_csv(describe_letters(connection, wanted, settled, limit))
        elif as_json:
            await _write_json(describe_letters(connection, wanted, settled, limit))
        else:
            shown = [each async for each in describe_letters(connection, wanted, settled, limit or _SHOWN)]
            print_list(shown, await count_dead_letters(connection, wanted, settled))

    ask_database(home, "dip dead-letters", write)


async def _write_csv(found: "AsyncIterator[DescribedLetter]") -> None:
    """One after the other: there may be millions."""
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    async for described in found:
        writer.writerow(make_record(described))


async def _write_json(found: "AsyncIterator[DescribedLetter]") -> None:
    separator = "["
    async for described in found:
        print(separator, json.dumps(make_record(described)), sep="\n", end="")
        separator = ","
    print("[]" if separator == "[" else "\n]")


def show(
    number: Annotated[int, typer.Argument(metavar="ID", help="Its number, as listed.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show one dead letter: where its message came from, and the last attempts at delivering it."""
    from opendip.operations.dead_letters import show_letter

    async def read(connection: "Connection") -> "ShownLetter":
        return await show_letter(connection, number)

    print_letter(ask_database(home, "dip dead-letters", read))
