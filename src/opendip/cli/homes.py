"""`dip init` and `dip settings`."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from opendip.cli.options import DEFAULT_HOME, HomeOption, load_home_settings
from opendip.cli.printing import add_row, say
from opendip.domain.homes import Home
from opendip.domain.plain_text import make_plain
from opendip.settings import ENVIRONMENTS, Settings, load_settings, make_settings
from opendip.settings_text import describe, write_file, write_reference

_DEFAULT_ENVIRONMENT = "SIT"


def init(
    home: HomeOption = DEFAULT_HOME,
    environment: Annotated[
        str | None,
        typer.Option(
            envvar="DIP_ENVIRONMENT",
            help=f"The market environment: {', '.join(ENVIRONMENTS)}; {_DEFAULT_ENVIRONMENT} unless said.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(envvar="DIP_PUBLIC_URL", help="What participants call, such as https://dip.example.org."),
    ] = None,
) -> None:
    """Make a home for a DIP: its database, authorities, certificates and settings.

    Run again on a complete home it changes nothing.
    """
    from opendip.operations.homes import HomePlan, create_home

    settings, text = _choose(home, environment, public_url)
    plan = HomePlan(
        environment=environment or settings.environment,
        dip_id=settings.dip_id,
        hosts=_list_hosts(settings),
        settings_text=text,
        database_url=settings.database_url,
    )
    made = asyncio.run(create_home(settings.home, plan, datetime.now(UTC)))
    if made:
        say(f"{settings.home} is the home of a {settings.environment} DIP now. Made: {', '.join(made)}.")
        say(f"Next: dip market apply FILE.yaml --home {home} --credentials DIRECTORY")
    else:
        say(f"{settings.home} is the home of a {settings.environment} DIP already; nothing was changed.")


def _choose(home: Path, environment: str | None, public_url: str | None) -> tuple[Settings, str]:
    """The settings a home has or is to have, and the text of the file for them."""
    if Home(home).exists():
        return load_settings(home, os.environ), ""
    chosen = {"environment": environment or _DEFAULT_ENVIRONMENT}
    if public_url:
        chosen["public_url"] = public_url
    return make_settings(home, chosen, "the command line", os.environ), write_file(chosen)


def _list_hosts(settings: Settings) -> list[str]:
    """The names the DIP's own certificate is for; this machine's own are always among them."""
    hosts = [urlsplit(url).hostname or "" for url in settings.public_urls]
    return list(dict.fromkeys([*hosts, "localhost", "127.0.0.1"]))


def settings(
    home: HomeOption = DEFAULT_HOME,
    reference: Annotated[bool, typer.Option("--reference", help="Write docs/settings.md instead.")] = False,
) -> None:
    """Show the settings in force, and where each comes from."""
    if reference:
        typer.echo(write_reference(), nl=False)
        return
    table = Table("setting", "value", "source", title=make_plain(f"Settings of {home}"), title_justify="left")
    for each in describe(load_home_settings(home)):
        add_row(table, each.name, each.value, each.source)
    Console().print(table)
