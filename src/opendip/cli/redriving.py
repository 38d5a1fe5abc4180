"""`dip dead-letters redrive` and `dismiss`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from opendip.cli.databases import ask_database
from opendip.cli.letter_options import (
    ChannelOption,
    KindChoice,
    KindOption,
    OwnerOption,
    RecipientOption,
    SinceOption,
    UntilOption,
    make_filter,
)
from opendip.cli.options import DEFAULT_HOME, HomeOption

if TYPE_CHECKING:
    from opendip.operations.redriving import Settled
    from opendip.store.dead_letters import LetterFilter
    from opendip.store.pool import Connection

IdsArgument = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Their numbers, as listed.")]
AllOption = Annotated[bool, typer.Option("--all", help="Instead of numbers: all that the other options leave.")]


def redrive(
    ids: IdsArgument = None,
    home: HomeOption = DEFAULT_HOME,
    every: AllOption = False,
    recipient: RecipientOption = None,
    channel: ChannelOption = None,
    kind: KindOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """Put dead letters back at the end of their queues, under the same transaction ids.

    --all means those that expired; what recipients refused goes back by number, or with --kind refused.
    It can be stopped at any moment and run again: no message goes twice.
    """
    from opendip.operations import redriving

    _check_choice(ids, every)
    # What was refused is settled between sender and recipient: nobody sends it again by leaving an option out.
    chosen = KindChoice.expired if every and kind is None else kind
    wanted = make_filter(ids or None, recipient, channel, chosen, owner, since, until)

    async def put_back(connection: "Connection") -> "tuple[Settled, int]":
        async with _open_bar(connection, wanted, "Redriving") as on_step:
            settled = await redriving.redrive(connection, wanted, _get_time, on_step)
        return settled, await _count_refused(connection, wanted) if chosen is not kind else 0

    settled, refused = ask_database(home, "dip dead-letters", put_back)
    _report(settled, ids, "stand on their queues again")
    if refused:
        typer.echo(f"{refused:,} that recipients refused are left. Once both sides agree: --kind refused.")


def dismiss(
    reason: Annotated[str, typer.Option(help="Why nothing is to be done, for the record.")],
    ids: IdsArgument = None,
    home: HomeOption = DEFAULT_HOME,
    every: AllOption = False,
    recipient: RecipientOption = None,
    channel: ChannelOption = None,
    kind: KindOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """Mark dead letters as dealt with. Their messages stay in the archive, where recipients can replay them."""
    from opendip.operations import redriving

    _check_choice(ids, every)
    wanted = make_filter(ids or None, recipient, channel, kind, owner, since, until)

    async def put_away(connection: "Connection") -> "Settled":
        async with _open_bar(connection, wanted, "Dismissing") as on_step:
            return await redriving.dismiss(connection, wanted, reason, _get_time, on_step)

    _report(ask_database(home, "dip dead-letters", put_away), ids, "are dismissed")


def _check_choice(ids: list[int] | None, every: bool) -> None:
    if bool(ids) == every:
        raise typer.BadParameter("name dead letters by their numbers, or say --all with the options that choose them")


async def _count_refused(connection: "Connection", wanted: "LetterFilter") -> int:
    from opendip.store.dead_letters import count_dead_letters

    return await count_dead_letters(connection, replace(wanted, kind=KindChoice.refused.value), False)


@asynccontextmanager
async def _open_bar(
    connection: "Connection", wanted: "LetterFilter", words: str
) -> AsyncIterator[Callable[[int], None]]:
    from opendip.store.dead_letters import count_dead_letters

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(words, total=await count_dead_letters(connection, wanted, False))
        yield lambda count: progress.advance(task, count)


def _report(settled: "Settled", ids: list[int] | None, words: str) -> None:
    typer.echo(f"{settled.count:,} dead letters {words}.")
    if settled.missing:
        typer.echo(f"{settled.missing:,} status messages are not kept any more; they can only be dismissed.")
    left = len(set(ids or ())) - settled.count - settled.missing
    if left > 0:
        typer.echo(f"{left:,} of these numbers are no open dead letters: `dip dead-letters list --settled` has those.")
        raise typer.Exit(1)


def _get_time() -> datetime:
    return datetime.now(UTC)
