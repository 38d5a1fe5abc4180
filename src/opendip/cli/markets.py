"""`dip market apply`."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from opendip.cli.options import DEFAULT_HOME, HomeOption, load_home_settings
from opendip.cli.printing import add_row, say

if TYPE_CHECKING:
    from opendip.operations.markets import AppliedMarket, RejectedLines

_OUTCOMES = ("created", "changed", "removed", "left")


def apply(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The market as YAML.")],
    credentials: Annotated[
        Path,
        typer.Option(file_okay=False, help="Where new credentials are written: a directory for each DIP id."),
    ],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Make the market as a file says: organisations, participants, roles, webhooks, addresses.

    It can be run again, and while the DIP serves. Whoever has no certificates or API key gets them.
    """
    from opendip.operations.markets import apply_market_to_home

    settings = load_home_settings(home)
    done = asyncio.run(
        apply_market_to_home(
            settings.home,
            file,
            credentials,
            datetime.now(UTC),
            database_url=settings.database_url,
            allow_private_webhooks=settings.allow_private_webhooks,
        )
    )
    _show(done, Console())
    if done.rejected:
        raise typer.Exit(1)


def _show(done: "AppliedMarket", console: Console) -> None:
    table = Table("", *_OUTCOMES, title="The market", title_justify="left")
    for noun, counts in done.outcomes.items():
        add_row(table, noun, *(f"{counts[outcome]:,}" if counts[outcome] else "" for outcome in _OUTCOMES))
    console.print(table)
    for issued in done.issued:
        what = "certificates and an API key" if issued.has_new_api_key else "certificates"
        say(f"{issued.dip_id} got {what}: {issued.directory}")
    for unnamed in done.unnamed_hosts:
        hosts = ", ".join(unnamed.hosts)
        say(
            f"The TLS certificate of {unnamed.dip_id} does not name {hosts}, so deliveries there will fail. "
            f"For a new one: dip certificates revoke --dip-id {unnamed.dip_id} --purpose tls, and apply again."
        )
    for rejected in done.rejected:
        _show_rejected(rejected, console)


def _show_rejected(rejected: "RejectedLines", console: Console) -> None:
    words = f"{rejected.path}: {rejected.count:,} lines were left out. Put them right and apply again."
    say(words)
    table = Table("line", "reason")
    for line in rejected.first:
        add_row(table, str(line.line), line.reason)
    if rejected.count > len(rejected.first):
        add_row(table, "", f"and {rejected.count - len(rejected.first):,} more")
    console.print(table)
