"""Rules for single channels: how deliveries are tried again, and after how long a message is a dead letter."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from opendip.domain.durations import describe_duration
from opendip.domain.market import STATUS_WEBHOOK, ChannelRule
from opendip.domain.problems import Problem
from opendip.store.channel_rules import list_channel_rules, lock_channel_rules, set_channel_rule
from opendip.store.expiries import count_waiting_since
from opendip.store.pool import Connection

SHORTEST_UNASKED = timedelta(days=1)
"""A message's time shorter than this is rather a slip than a wish, and ends what other people wait for."""


class UnusableRule(Problem):
    """A rule is for no channel there is, or contradicts itself."""


async def change_channel_rule(
    connection: Connection,
    channel: str,
    changes: Mapping[str, timedelta | None],
    known: Collection[str],
    defaults: ChannelRule,
    now: datetime,
    *,
    is_forced: bool = False,
) -> ChannelRule:
    """Sets (None: unsets) some of a channel's rules and leaves the others; answers what is set now.

    `known` are the channels there are beside STATUS, `defaults` what holds where nothing is set. A very short time of
    messages must be forced.
    """
    _check_channel(channel, known)
    if not is_forced:
        await _check_time(connection, channel, changes.get("dead_letter_after"), now)
    async with connection.transaction():
        await lock_channel_rules(connection)
        present = {rule.channel: rule for rule in await list_channel_rules(connection)}
        values: dict[str, Any] = dict(changes)
        rule = replace(present.get(channel, ChannelRule(channel)), **values)
        _check_pauses(rule, defaults)
        await set_channel_rule(connection, rule, now)
    return rule


def _check_channel(channel: str, known: Collection[str]) -> None:
    if channel in known or channel == STATUS_WEBHOOK:
        return
    near = get_close_matches(channel.upper(), [*known, STATUS_WEBHOOK], n=1)
    advice = f"Did you mean {near[0]}?" if near else f"A channel is such as IF-021, or {STATUS_WEBHOOK}."
    raise UnusableRule(f"There is no channel {channel}. {advice}")


async def _check_time(connection: Connection, channel: str, after: timedelta | None, now: datetime) -> None:
    if after is None or after >= SHORTEST_UNASKED:
        return
    count = await count_waiting_since(connection, channel, now - after)
    waiting = "1 message waits" if count == 1 else f"{count:,} messages wait"
    raise UnusableRule(
        f"{waiting} on {channel} longer than {describe_duration(after)} now and would become dead letters at once. "
        f"A time below {describe_duration(SHORTEST_UNASKED)} is set with --force alone."
    )


def _check_pauses(rule: ChannelRule, defaults: ChannelRule) -> None:
    base, ceiling = rule.retry_base or defaults.retry_base, rule.retry_ceiling or defaults.retry_ceiling
    if base and ceiling and base > ceiling:
        raise UnusableRule(
            f"The first pause of {rule.channel} would be {describe_duration(base)} and the longest "
            f"{describe_duration(ceiling)}. Set both, so that the first is no longer than the longest."
        )
