"""The options by which dead letters are chosen."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

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
SinceOption = Annotated[datetime | None, typer.Option("--since", help="Dead since then, in UTC, such as 2026-03-21.")]
UntilOption = Annotated[datetime | None, typer.Option("--until", help="Dead before then, in UTC.")]


def make_filter(
    ids: list[int] | None,
    recipient: str | None,
    channel: str | None,
    kind: KindChoice | None,
    owner: OwnerChoice | None,
    since: datetime | None,
    until: datetime | None,
) -> "LetterFilter":
    from opendip.store.dead_letters import LetterFilter

    begin, end = (at and at.replace(tzinfo=UTC) for at in (since, until))
    return LetterFilter(ids, recipient, channel, kind and kind.value, owner and owner.value, begin, end)
