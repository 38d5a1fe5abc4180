"""`dip webhooks`: how deliveries stand, and pausing, resuming and waking them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.databases import ask_database
from opendip.cli.options import DEFAULT_HOME, HomeOption
from opendip.cli.printing import say
from opendip.cli.webhook_printing import print_csv, print_json, print_table

if TYPE_CHECKING:
    from opendip.store.pool import Connection
    from opendip.store.webhooks import WebhookState

RecipientOption = Annotated[str, typer.Option("--recipient", help="The DIP id that the webhooks take messages for.")]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", help="One channel, such as IF-021, or STATUS for status messages.")
]


def show(
    home: HomeOption = DEFAULT_HOME,
    recipient: Annotated[str | None, typer.Option("--recipient", help="Those of this DIP id only.")] = None,
    channel: ChannelOption = None,
    every: Annotated[bool, typer.Option("--all", help="Those where nothing waits and nothing is wrong, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All, as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="All, as CSV.")] = False,
) -> None:
    """List webhooks for which something waits, or that are paused, stopped, failing or not there. Times are UTC.

    With --recipient all of its webhooks, and their last answers, limits and URLs.
    """
    from opendip.store.webhooks import list_webhook_states

    async def read(connection: "Connection") -> "list[WebhookState]":
        return await list_webhook_states(connection, recipient, channel, datetime.now(UTC))

    states = ask_database(home, "dip webhooks", read)
    if as_json:
        print_json(states)
    elif as_csv:
        print_csv(states)
    else:
        print_table(states, every=every or recipient is not None, with_details=recipient is not None)


def pause(recipient: RecipientOption, channel: ChannelOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Keep deliveries back, in order, until they are resumed. The recipient can resume them too."""
    from opendip.operations.webhooks import pause_webhooks

    channels = ask_database(
        home, "dip webhooks", lambda connection: pause_webhooks(connection, recipient, channel, datetime.now(UTC))
    )
    say(f"Paused for {recipient}: {', '.join(channels)}. What comes for it waits.")


def resume(recipient: RecipientOption, channel: ChannelOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Let deliveries go that were paused, oldest first."""
    from opendip.operations.webhooks import resume_webhooks

    channels = ask_database(
        home, "dip webhooks", lambda connection: resume_webhooks(connection, recipient, channel, datetime.now(UTC))
    )
    say(f"Resumed for {recipient}: {', '.join(channels)}. What waited goes now.")


def wake(recipient: RecipientOption, channel: ChannelOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Say that a fault is mended: stopped queues, open breakers and long pauses after failures are tried at once."""
    from opendip.operations.webhooks import wake_webhooks

    channels = ask_database(
        home, "dip webhooks", lambda connection: wake_webhooks(connection, recipient, channel, datetime.now(UTC))
    )
    say(f"Tried again now for {recipient}: {', '.join(channels)}. Webhooks that are paused stay so.")
