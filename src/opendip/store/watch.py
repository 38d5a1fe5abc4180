"""The market as it is now: read again within a second of any change, by every process for itself.

Where that second matters, `read_market` has the picture of this very moment.
"""

import asyncio

import structlog

from opendip.domain.market import Market, add_dip
from opendip.store.market import find_market_version, load_market
from opendip.store.pool import DATABASE_FAULTS, Connection, Pool

_INTERVAL_SECONDS = 0.4

log = structlog.get_logger()


class MarketWatch:
    """Holds the current picture of the market, and replaces it whole."""

    def __init__(self, pool: Pool, market: Market, dip_id: str | None = None) -> None:
        self._pool = pool
        self._market = market
        self._dip_id = dip_id

    @classmethod
    async def open(cls, pool: Pool, dip_id: str | None = None) -> "MarketWatch":
        """With an id, the DIP itself is in every picture: what is addressed to it goes to queues of its own."""
        async with pool.acquire() as connection:
            return cls(pool, await _load(connection, dip_id), dip_id)

    def get_market(self) -> Market:
        return self._market

    async def read_market(self, connection: Connection) -> Market:
        """With every change that was committed before; read anew only after one."""
        if await find_market_version(connection) != self._market.version:
            self._market = await _load(connection, self._dip_id)
        return self._market

    async def run(self) -> None:
        """Until it is cancelled. While the database is away the last picture stays: nothing can be kept then anyway."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            try:
                async with self._pool.acquire() as connection:
                    await self.read_market(connection)
            except DATABASE_FAULTS as error:
                log.warning("market_not_read", error=type(error).__name__)


async def _load(connection: Connection, dip_id: str | None) -> Market:
    market = await load_market(connection)
    return market if dip_id is None else add_dip(market, dip_id)
