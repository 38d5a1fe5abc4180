"""What `dip replay` and `dip requeue` ask for: messages of a channel, or status messages (STATUS)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from opendip.cli.times import read_time
from opendip.domain.market import STATUS_WEBHOOK

if TYPE_CHECKING:
    from opendip.client.replaying import ReplayRequest, StatusReplayRequest


def make_request(
    channel: str,
    since: str | None,
    until: str | None,
    event: str | None,
    mpan: str | None,
    version: str | None,
    transactions: Sequence[str],
) -> "ReplayRequest | StatusReplayRequest":
    from opendip.client.replaying import ReplayRequest

    from_at = None if since is None else read_time(since, "--from")
    to = None if until is None else read_time(until, "--until")
    if channel == STATUS_WEBHOOK:
        if event or mpan or version:
            raise typer.BadParameter("--event, --mpan and --version choose messages; STATUS has none of them")
        return _make_status_request(from_at, to, transactions)
    return ReplayRequest(from_at, to, event, mpan, version, tuple(transactions))


def _make_status_request(
    from_at: datetime | None, to: datetime | None, transactions: Sequence[str]
) -> "StatusReplayRequest":
    from opendip.client.replaying import StatusReplayRequest

    if from_at is None:
        raise typer.BadParameter("say from when on, such as --from 2026-03-21: status messages are chosen by time")
    if len(transactions) > 1:
        raise typer.BadParameter("--transaction can be given once for STATUS")
    return StatusReplayRequest(from_at, to or datetime.now(UTC), transactions[0] if transactions else None)
