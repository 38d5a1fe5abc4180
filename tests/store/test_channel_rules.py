from datetime import timedelta

import pytest

from opendip.domain.market import STATUS_WEBHOOK, ChannelRule
from opendip.operations.channels import UnusableRule, change_channel_rule
from opendip.store.market import find_market_version, load_market
from opendip.store.pool import Connection
from tests.builders import NOW

DEFAULTS = ChannelRule("", timedelta(seconds=1), timedelta(minutes=5), timedelta(days=14))
KNOWN = ("IF-021", "IF-013")


async def change(connection: Connection, channel: str, **changes: timedelta | None) -> ChannelRule:
    return await change_channel_rule(connection, channel, changes, KNOWN, DEFAULTS, NOW)


async def test_a_rule_is_in_the_next_picture_of_the_market(connection: Connection) -> None:
    before = await find_market_version(connection)
    await change(connection, "IF-021", dead_letter_after=timedelta(days=3))
    await change(connection, "IF-021", retry_ceiling=timedelta(minutes=1))
    await change(connection, STATUS_WEBHOOK, retry_base=timedelta(seconds=2))
    assert await find_market_version(connection) > before
    market = await load_market(connection)
    assert market.get_rule("IF-021") == ChannelRule("IF-021", None, timedelta(minutes=1), timedelta(days=3))
    assert market.get_rule(STATUS_WEBHOOK).retry_base == timedelta(seconds=2)
    assert market.get_rule("IF-013") == ChannelRule("IF-013")


async def test_a_rule_that_sets_nothing_any_more_is_gone(connection: Connection) -> None:
    await change(connection, "IF-013", retry_base=timedelta(seconds=2), dead_letter_after=timedelta(days=3))
    await change(connection, "IF-013", retry_base=None)
    assert (await load_market(connection)).get_rule("IF-013").dead_letter_after == timedelta(days=3)
    await change(connection, "IF-013", dead_letter_after=None)
    assert "IF-013" not in (await load_market(connection)).channel_rules


async def test_a_channel_that_is_none_is_refused_with_the_one_that_may_be_meant(connection: Connection) -> None:
    with pytest.raises(UnusableRule, match="Did you mean IF-021"):
        await change(connection, "if-021", retry_base=timedelta(seconds=2))


async def test_a_first_pause_longer_than_the_longest_is_refused(connection: Connection) -> None:
    with pytest.raises(UnusableRule, match="10 minutes and the longest 5 minutes"):
        await change(connection, "IF-021", retry_base=timedelta(minutes=10), retry_ceiling=None)
