"""Webhooks: where a DIP id takes each publication, and its status messages."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from opendip.domain.market import Webhook
from opendip.store.alarms import AlarmKind, clear_alarms
from opendip.store.pool import Connection
from opendip.store.queries import load_queries
from opendip.store.queues import wake_queues

_REMEMBERED = timedelta(days=31)
"""How far back the last answer is looked for."""


class WebhookState(NamedTuple):
    """How deliveries of one channel to one recipient stand. Without a `url` messages wait for one to be set."""

    dip_id: str
    channel: str
    url: str | None
    max_message_count: int | None
    max_payload_bytes: int | None
    max_message_rate: int | None
    paused_at: datetime | None
    breaker: str
    breaker_until: datetime | None
    waiting: int
    stopped_at: datetime | None
    stopped_reason: str | None
    retry_at: datetime | None
    """After failures: before then nothing is sent."""
    tried_at: datetime | None
    answer_status: int | None
    outcome: str | None


async def set_webhook(connection: Connection, webhook: Webhook, now: datetime) -> datetime | None:
    """Make it, or change the one its DIP id has for that channel; answers since when that one is paused."""
    paused_at: datetime | None = await connection.fetchval(
        load_queries("webhooks")["set_webhook"],
        webhook.dip_id,
        webhook.channel,
        webhook.url,
        webhook.max_message_count,
        webhook.max_payload_bytes,
        webhook.max_message_rate,
        now,
    )
    return paused_at


async def pause_webhook(connection: Connection, dip_id: str, channel: str, now: datetime | None) -> bool:
    """Keep deliveries back from now on (None: let them go again); False when there is no such webhook."""
    query = load_queries("webhooks")["pause_webhook"]
    return await connection.fetchval(query, dip_id, channel, now) is not None


async def delete_webhook(connection: Connection, dip_id: str, channel: str) -> bool:
    """Take it away; False when there was none. What is queued for it waits."""
    return await connection.fetchval(load_queries("webhooks")["delete_webhook"], dip_id, channel) is not None


async def reopen_queues(connection: Connection, dip_id: str, channel: str, now: datetime) -> None:
    """Whatever kept deliveries back is said to be mended: they are tried at once, and the alarms about it end."""
    await wake_queues(connection, dip_id, channel)
    for kind in (AlarmKind.QUEUE_STOPPED, AlarmKind.BREAKER_OPEN):
        await clear_alarms(connection, kind, f"{dip_id} {channel}", now)


async def list_webhook_states(
    connection: Connection, dip_id: str | None, channel: str | None, now: datetime
) -> list[WebhookState]:
    """Every webhook, or those of a recipient, of a channel; and what waits for one that is not there."""
    since = (now - _REMEMBERED).astimezone(UTC).date()
    rows = await connection.fetch(load_queries("webhooks")["list_webhook_states"], dip_id, channel, since)
    return [WebhookState(*row) for row in rows]
