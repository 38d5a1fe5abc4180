"""Expiring, for one worker: now and then the heads of all queues are looked at, and those too old taken.

They are taken in steps that each commit whole. If the worker dies in a step, nothing of it has happened.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic

import structlog

from opendip.stages.expire.rules import SHORTEST_PAUSE, ExpiryRules
from opendip.stages.expire.steps import take_step
from opendip.store.archive import Archive
from opendip.store.expiries import list_overdue
from opendip.store.pool import DATABASE_FAULTS, Pool
from opendip.store.watch import MarketWatch

_STEPS_IN_A_TURN = 20

log = structlog.get_logger()


class Expirer:
    """Moves what is too old to the dead letters."""

    def __init__(self, pool: Pool, archive: Archive, rules: ExpiryRules, watch: MarketWatch) -> None:
        self._pool = pool
        self._archive = archive
        self._rules = rules
        self._watch = watch

    async def run(self, get_time: Callable[[], datetime]) -> None:
        """Until it is cancelled."""
        looked_at = monotonic()
        while True:
            # Asked anew each time, for the operator may have set a shorter time for a channel.
            await asyncio.sleep(SHORTEST_PAUSE.total_seconds())
            pause = self._rules.get_pause(self._watch.get_market().channel_rules.values())
            if monotonic() - looked_at < pause.total_seconds():
                continue
            try:
                while await self.expire_due(get_time()):
                    pass
            except DATABASE_FAULTS as error:
                log.warning("expiry_interrupted", error=type(error).__name__)
            looked_at = monotonic()

    async def expire_due(self, now: datetime) -> bool:
        """A turn for every queue whose next message is too old; whether there may be more."""
        rules = self._watch.get_market().channel_rules.values()
        before = {rule.channel: now - self._rules.get_limit(rule) for rule in rules}
        async with self._pool.acquire() as connection:
            overdue = await list_overdue(connection, before, now - self._rules.after)
        return any([await self._take_turn(queue, now) for queue in overdue])

    async def _take_turn(self, queue: int, now: datetime) -> bool:
        for _ in range(_STEPS_IN_A_TURN):
            began = monotonic()
            if not await self._take_step(queue, now):
                return False
            # Routing and deliveries get as much of the time.
            await asyncio.sleep(monotonic() - began)
        return True

    async def _take_step(self, queue: int, now: datetime) -> int:
        """A queue that cannot be dealt with holds up no other."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                market = self._watch.get_market()
                return await take_step(connection, queue, market, self._rules, self._archive, now)
        except DATABASE_FAULTS:
            raise
        except Exception as error:
            log.error("expiry_broken", queue=queue, error=type(error).__name__)
            return 0
