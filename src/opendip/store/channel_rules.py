"""The rules the operator sets for single channels; in force in every process with its next picture of the market."""

from datetime import datetime

from opendip.domain.market import ChannelRule
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


async def lock_channel_rules(connection: Connection) -> None:
    """Until the transaction ends nobody else changes any."""
    await connection.execute(load_queries("channel_rules")["lock_rules"])


async def list_channel_rules(connection: Connection) -> list[ChannelRule]:
    return [ChannelRule(*row) for row in await connection.fetch(load_queries("channel_rules")["list_rules"])]


async def set_channel_rule(connection: Connection, rule: ChannelRule, now: datetime) -> None:
    """Replaces what was set for its channel; a rule that sets nothing goes."""
    queries = load_queries("channel_rules")
    if rule == ChannelRule(rule.channel):
        await connection.execute(queries["delete_rule"], rule.channel)
        return
    await connection.execute(
        queries["set_rule"], rule.channel, rule.retry_base, rule.retry_ceiling, rule.dead_letter_after, now
    )
