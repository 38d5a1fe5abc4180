"""`dip webhooks`: how deliveries stand, and pausing, resuming and waking them."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit

import typer

from opendip.cli.options import DEFAULT_HOME, HomeOption, load_home_settings

if TYPE_CHECKING:
    from opendip.store.pool import Connection
    from opendip.store.webhooks import WebhookState

Found = TypeVar("Found")
RecipientOption = Annotated[str, typer.Option("--recipient", help="The DIP id that the webhooks take messages for.")]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", help="One channel, such as IF-021, or STATUS for status messages.")
]


def show(
    home: HomeOption = DEFAULT_HOME,
    recipient: Annotated[str | None, typer.Option("--recipient", help="Those of this DIP id only.")] = None,
    channel: ChannelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
) -> None:
    """List the webhooks: limits, pauses, breakers, what waits, why it stopped, and the last answer."""
    from opendip.store.webhooks import list_webhook_states

    async def read(connection: "Connection") -> "list[WebhookState]":
        return await list_webhook_states(connection, recipient, channel, datetime.now(UTC))

    states = _ask(home, read)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode([_list_fields(state) for state in states]), indent=2))
    elif as_csv:
        typer.echo(_write_csv([_list_fields(state) for state in states]), nl=False)
    else:
        _print(states)


def pause(recipient: RecipientOption, channel: ChannelOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Keep deliveries back, in order, until they are resumed. The recipient can resume them too."""
    from opendip.operations.webhooks import pause_webhooks

    channels = _ask(home, lambda connection: pause_webhooks(connection, recipient, channel, datetime.now(UTC)))
    typer.echo(f"Paused for {recipient}: {', '.join(channels)}. What comes for it waits.")


def resume(recipient: RecipientOption, channel: ChannelOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Let deliveries go that were paused, oldest first."""
    from opendip.operations.webhooks import resume_webhooks

    channels = _ask(home, lambda connection: resume_webhooks(connection, recipient, channel, datetime.now(UTC)))
    typer.echo(f"Resumed for {recipient}: {', '.join(channels)}. What waited goes now.")


def wake(recipient: RecipientOption, channel: ChannelOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Say that a fault is mended: stopped queues, open breakers and long pauses after failures are tried at once."""
    from opendip.operations.webhooks import wake_webhooks

    channels = _ask(home, lambda connection: wake_webhooks(connection, recipient, channel, datetime.now(UTC)))
    typer.echo(f"Tried again now for {recipient}: {', '.join(channels)}. Webhooks that are paused stay so.")


def _ask(home: Path, question: "Callable[[Connection], Awaitable[Found]]") -> Found:
    from opendip.operations.homes import reach_database
    from opendip.store.pool import open_connection

    settings = load_home_settings(home)

    async def ask(url: str) -> Found:
        async with open_connection(url, "dip webhooks") as connection:
            return await question(connection)

    with reach_database(settings.home, settings.database_url) as url:
        return asyncio.run(ask(url))


def _list_fields(state: "WebhookState") -> dict[str, Any]:
    return {**state._asdict(), "url": _shorten(state.url)}


def _shorten(url: str | None) -> str | None:
    """Without its query, which may hold what only the recipient is to know."""
    return url and urlsplit(url)._replace(query="", fragment="").geturl()


def _write_csv(rows: Sequence[dict[str, Any]]) -> str:
    from opendip.store.webhooks import WebhookState

    text = io.StringIO()
    writer = csv.DictWriter(text, WebhookState._fields)
    writer.writeheader()
    writer.writerows({k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()} for row in rows)
    return text.getvalue()


def _print(states: "Sequence[WebhookState]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in ("recipient", "channel", "waiting"):
        table.add_column(name, no_wrap=True)
    for name in ("state", "last answer", "limits", "URL"):
        table.add_column(name, overflow="fold")
    for state in states:
        table.add_row(
            *(state.dip_id, state.channel, f"{state.waiting:,}"),
            *(_describe(state), _describe_answer(state), _describe_limits(state)),
            _shorten(state.url) or "-",
        )
    Console().print(table)
    typer.echo(f"{len(states):,} webhooks, {sum(state.waiting for state in states):,} messages waiting.")


def _describe(state: "WebhookState") -> str:
    said = []
    if state.url is None:
        said.append("there is no webhook")
    if state.paused_at is not None:
        said.append(f"paused since {state.paused_at:%Y-%m-%d %H:%M}")
    if state.stopped_at is not None:
        said.append(f"stopped since {state.stopped_at:%Y-%m-%d %H:%M}: {state.stopped_reason}")
    if state.breaker != "closed":
        until = f" until {state.breaker_until:%H:%M:%S}" if state.breaker_until else ""
        said.append(f"breaker {state.breaker}{until}")
    return "; ".join(said) or "taking messages"


def _describe_answer(state: "WebhookState") -> str:
    if state.tried_at is None:
        return "-"
    return f"{state.answer_status or 'none'} at {state.tried_at:%Y-%m-%d %H:%M:%S} ({state.outcome})"


def _describe_limits(state: "WebhookState") -> str:
    limits = {
        "messages": state.max_message_count,
        "kB": state.max_payload_bytes and state.max_payload_bytes // 1000,
        "a second": state.max_message_rate,
    }
    return ", ".join(f"{value:,} {name}" for name, value in limits.items() if value is not None) or "-"
