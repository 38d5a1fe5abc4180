"""Webhooks as they are printed: a line each, records for files. Times are UTC, URLs without their queries."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import fill
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opendip.cli.printing import clean, clean_record, get_width, say

if TYPE_CHECKING:
    from opendip.store.webhooks import WebhookState

_WELL = "taking messages"


def print_json(states: "Sequence[WebhookState]") -> None:
    print(json.dumps([_make_record(state) for state in states], indent=2))


def print_csv(states: "Sequence[WebhookState]") -> None:
    records = [_make_record(state) for state in states]
    writer = csv.DictWriter(sys.stdout, list(records[0]) if records else ["recipient"])
    writer.writeheader()
    writer.writerows(records)


def print_table(states: "Sequence[WebhookState]", *, every: bool, with_details: bool = False) -> None:
    """A line each; unless every one is wanted, only those that have something to say."""
    shown = [state for state in states if every or _has_news(state)]
    for state in shown:
        start = f"{state.dip_id:10}  {state.channel:8}  {state.waiting:>9,}  "
        say(fill(start + _describe(state), get_width(), subsequent_indent=" " * len(start)))
        for line in _list_details(state) if with_details else ():
            say(f"            {line}")
    waiting = sum(state.waiting for state in states)
    say(f"{len(shown):,} of {len(states):,} webhooks, {waiting:,} messages waiting. Times are UTC.")
    if left := len(states) - len(shown):
        say(f"{left:,} with nothing waiting and nothing wrong are left out: --all shows them.")


def _has_news(state: "WebhookState") -> bool:
    return state.waiting > 0 or _describe(state) != _WELL


def _list_details(state: "WebhookState") -> list[str]:
    details = {
        "last answer": _describe_answer(state),
        "limits": _describe_limits(state),
        "URL": _shorten(state.url),
    }
    return [f"{name}: {text}" for name, text in details.items() if text]


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
        "retry_at": _format(state.retry_at),
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
    elif state.retry_at is not None and state.stopped_at is None:
        said.append(f"waiting to try again at {_format(state.retry_at)}: {clean(state.outcome or 'it failed')}")
    return "; ".join(said) or _WELL


def _describe_answer(state: "WebhookState") -> str | None:
    if state.tried_at is None:
        return None
    return f"{state.answer_status or 'none'} at {_format(state.tried_at)} ({clean(state.outcome or '')})"


def _describe_limits(state: "WebhookState") -> str | None:
    limits = {
        "messages": state.max_message_count,
        "kB": state.max_payload_bytes and state.max_payload_bytes // 1000,
        "a second": state.max_message_rate,
    }
    return ", ".join(f"{value:,} {name}" for name, value in limits.items() if value is not None) or None


def _format(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None
