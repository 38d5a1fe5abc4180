"""Webhooks as they are printed: a table, records for files. Times are UTC, URLs without their queries."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from opendip.cli.printing import add_row, clean, clean_record, say

if TYPE_CHECKING:
    from opendip.store.webhooks import WebhookState

_PIPED_WIDTH = 200
_NARROW = ("recipient", "channel", "waiting")
_WIDE = ("state", "last answer", "limits", "URL")


def print_json(states: "Sequence[WebhookState]") -> None:
    print(json.dumps([_make_record(state) for state in states], indent=2))


def print_csv(states: "Sequence[WebhookState]") -> None:
    records = [_make_record(state) for state in states]
    writer = csv.DictWriter(sys.stdout, list(records[0]) if records else ["recipient"])
    writer.writeheader()
    writer.writerows(records)


def print_table(states: "Sequence[WebhookState]") -> None:
    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    table = Table()
    for name in _NARROW:
        table.add_column(name, no_wrap=True)
    for name in _WIDE:
        table.add_column(name, overflow="fold")
    for state in states:
        cells = (
            *(state.dip_id, state.channel, f"{state.waiting:,}"),
            *(_describe(state), _describe_answer(state), _describe_limits(state), _shorten(state.url) or "-"),
        )
        add_row(table, *cells)
    console.print(table)
    waiting = sum(state.waiting for state in states)
    say(f"{len(states):,} webhooks, {waiting:,} messages waiting. Times are UTC.")


def _make_record(state: "WebhookState") -> dict[str, str | int | None]:
    record: dict[str, str | int | None] = {
        "recipient": state.dip_id,
        "channel": state.channel,
        "url": _shorten(state.url),
        "max_message_count": state.max_message_count,
        "max_payload_bytes": state.max_payload_bytes,
        "max_message_rate": state.max_message_rate,
        "paused_at": _format(state.paused_at),
        "breaker": state.breaker,
        "breaker_until": _format(state.breaker_until),
        "waiting": state.waiting,
        "stopped_at": _format(state.stopped_at),
        "stopped_reason": state.stopped_reason and clean(state.stopped_reason),
        "tried_at": _format(state.tried_at),
        "answer_status": state.answer_status,
        "outcome": state.outcome and clean(state.outcome),
    }
    return clean_record(record)


def _shorten(url: str | None) -> str | None:
    """Without its query, which may hold what only the recipient is to know."""
    return url and urlsplit(url)._replace(query="", fragment="").geturl()


def _describe(state: "WebhookState") -> str:
    said = []
    if state.url is None:
        said.append("there is no webhook")
    if state.paused_at is not None:
        said.append(f"paused since {_format(state.paused_at)}")
    if state.stopped_at is not None:
        said.append(f"stopped since {_format(state.stopped_at)}: {clean(state.stopped_reason or '')}")
    if state.breaker != "closed":
        until = f" until {_format(state.breaker_until)}" if state.breaker_until else ""
        said.append(f"breaker {state.breaker}{until}")
    return "; ".join(said) or "taking messages"


def _describe_answer(state: "WebhookState") -> str:
    if state.tried_at is None:
        return "-"
    return f"{state.answer_status or 'none'} at {_format(state.tried_at)} ({clean(state.outcome or '')})"


def _describe_limits(state: "WebhookState") -> str:
    limits = {
        "messages": state.max_message_count,
        "kB": state.max_payload_bytes and state.max_payload_bytes // 1000,
        "a second": state.max_message_rate,
    }
    return ", ".join(f"{value:,} {name}" for name, value in limits.items() if value is not None) or "-"


def _format(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None
