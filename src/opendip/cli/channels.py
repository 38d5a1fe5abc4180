"""`dip channel`: the rules of single channels."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from opendip.cli.databases import ask_database
from opendip.cli.options import DEFAULT_HOME, HomeOption, load_home_settings
from opendip.cli.printing import add_row
from opendip.domain.durations import UnusableDuration, describe_duration, parse_duration
from opendip.domain.market import ChannelRule
from opendip.settings import Settings

if TYPE_CHECKING:
    from opendip.store.pool import Connection


class RuleName(StrEnum):
    """What can be set for a channel."""

    retry_base = "retry-base"
    retry_ceiling = "retry-ceiling"
    dead_letter_after = "dead-letter-after"


def show(home: HomeOption = DEFAULT_HOME) -> None:
    """List what is set for single channels, and what holds for all others."""
    from opendip.store.channel_rules import list_channel_rules

    _print(ask_database(home, "dip channel", list_channel_rules), load_home_settings(home))


def change(
    channel: Annotated[str, typer.Argument(help="The interface, such as IF-021, or STATUS for status messages.")],
    home: HomeOption = DEFAULT_HOME,
    retry_base: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The first pause before another attempt, such as 1s; it doubles. Without a unit: seconds.",
        ),
    ] = None,
    retry_ceiling: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The longest pause between two attempts, such as 5m. Without a unit: seconds."
        ),
    ] = None,
    dead_letter_after: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long a message is tried, such as 36h or 14d.")
    ] = None,
    unset: Annotated[
        list[RuleName] | None, typer.Option(help="Let the setting hold again for this; can be given more than once.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Set a --dead-letter-after below a day, whatever it makes dead letters of.")
    ] = False,
) -> None:
    """Set rules of one channel; the others stay. In force within a second, also for what waits already."""
    given = {"retry_base": retry_base, "retry_ceiling": retry_ceiling, "dead_letter_after": dead_letter_after}
    changes: dict[str, timedelta | None] = {name: _read(name, text) for name, text in given.items() if text is not None}
    changes |= {name.name: None for name in unset or ()}
    if not changes:
        raise typer.BadParameter("say what to set: --retry-base, --retry-ceiling, --dead-letter-after or --unset")
    settings = load_home_settings(home)

    async def write(connection: "Connection") -> ChannelRule:
        from opendip.catalogue import load
        from opendip.operations.channels import change_channel_rule

        now, known = datetime.now(UTC), load().channels
        defaults = get_defaults(settings)
        return await change_channel_rule(connection, channel, changes, known, defaults, now, is_forced=force)

    _print([ask_database(home, "dip channel", write)], settings)


def _read(name: str, text: str) -> timedelta:
    # The settings count pauses in seconds; 14 after which a message is dead could be days or seconds.
    seconds = text.replace(".", "", 1).isdecimal() and name != RuleName.dead_letter_after.name
    try:
        return parse_duration(f"{text}s" if seconds else text)
    except UnusableDuration as fault:
        raise typer.BadParameter(str(fault), param_hint=f"--{RuleName[name]}") from None


def get_defaults(settings: Settings) -> ChannelRule:
    """What the settings say for every channel without a rule."""
    return ChannelRule(
        "",
        timedelta(seconds=settings.retry_base_seconds),
        timedelta(seconds=settings.retry_ceiling_seconds),
        timedelta(days=settings.dead_letter_after_days),
    )


def _print(rules: list[ChannelRule], settings: Settings) -> None:
    table = Table("channel", *RuleName)
    defaults = get_defaults(settings)
    add_row(table, "all others", *(_describe(defaults, name) for name in RuleName))
    for rule in rules:
        add_row(table, rule.channel, *(_describe(rule, name) for name in RuleName))
    Console().print(table)


def _describe(rule: ChannelRule, name: RuleName) -> str:
    duration: timedelta | None = getattr(rule, name.name)
    return describe_duration(duration) if duration else "as all others"
