"""The options by which dead letters are chosen."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.times import read_time

if TYPE_CHECKING:
    from opendip.store.dead_letters import LetterFilter


class KindChoice(StrEnum):
    """What became of a message."""

    expired = "expired"
    refused = "refused"


class OwnerChoice(StrEnum):
    """Who is to act."""

    platform = "platform"
    recipient = "recipient"
    business = "business"


RecipientOption = Annotated[str | None, typer.Option("--recipient", help="To this DIP id only.")]
ChannelOption = Annotated[str | None, typer.Option("--channel", help="Of this channel only, such as IF-021 or STATUS.")]
KindOption = Annotated[KindChoice | None, typer.Option("--kind", help="Those that expired, or that were refused.")]
OwnerOption = Annotated[OwnerChoice | None, typer.Option("--owner", help="Those that this one is to act on.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Dead since then: 2026-03-21, or with a time; UTC unless it says.")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Dead before then, likewise.")]


def make_filter(
    ids: list[int] | None,
    recipient: str | None,
    channel: str | None,
    kind: KindChoice | None,
    owner: OwnerChoice | None,
    since: str | None,
    until: str | None,
) -> "LetterFilter":
    from opendip.store.dead_letters import LetterFilter

    begin = None if since is None else read_time(since, "--since")
    end = None if until is None else read_time(until, "--until")
    return LetterFilter(ids, recipient, channel, kind and kind.value, owner and owner.value, begin, end)
