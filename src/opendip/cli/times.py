"""Times on the command line."""

from datetime import UTC, datetime

import typer


def read_time(text: str, option: str) -> datetime:
    """In UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        words = f"{text} is no time. Write 2026-03-21 or 2026-03-21T19:05:00+00:00; UTC unless it says."
        raise typer.BadParameter(words, param_hint=option) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
