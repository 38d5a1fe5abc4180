"""What an operator does about webhooks: keeps deliveries back, lets them go, says that a fault is mended."""

from datetime import datetime

from opendip.domain.problems import Problem
from opendip.store.pool import Connection
from opendip.store.webhooks import list_webhook_states, pause_webhook, reopen_queues


class NoSuchWebhook(Problem):
    """The recipient has no webhook of that channel."""


async def pause_webhooks(connection: Connection, dip_id: str, channel: str | None, now: datetime) -> list[str]:
    """Nothing goes to them until they are resumed, by the operator or the recipient; answers the channels."""
    async with connection.transaction():
        channels = await _get_channels(connection, dip_id, channel, now)
        for each in channels:
            await pause_webhook(connection, dip_id, each, now)
    return channels


async def resume_webhooks(connection: Connection, dip_id: str, channel: str | None, now: datetime) -> list[str]:
    """What was kept back goes now; answers the channels."""
    async with connection.transaction():
        channels = await _get_channels(connection, dip_id, channel, now)
        for each in channels:
            await pause_webhook(connection, dip_id, each, None)
            await reopen_queues(connection, dip_id, each, now)
    return channels


async def wake_webhooks(connection: Connection, dip_id: str, channel: str | None, now: datetime) -> list[str]:
    """The fault is said to be mended: stopped queues and open breakers are tried at once. A pause stays."""
    async with connection.transaction():
        channels = await _get_channels(connection, dip_id, channel, now)
        for each in channels:
            await reopen_queues(connection, dip_id, each, now)
    return channels


async def _get_channels(connection: Connection, dip_id: str, channel: str | None, now: datetime) -> list[str]:
    """Raises `NoSuchWebhook`."""
    states = await list_webhook_states(connection, dip_id, channel, now)
    channels = [state.channel for state in states if state.url is not None]
    if not channels:
        which = f"for {channel}" if channel else "at all"
        text = f"{dip_id} has no webhook {which}, so nothing was changed. dip webhooks list shows those there are."
        raise NoSuchWebhook(text)
    return channels
