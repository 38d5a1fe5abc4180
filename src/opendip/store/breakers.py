"""Circuit breakers of webhooks, shared by all workers."""

from datetime import datetime, timedelta

from opendip.domain.breakers import Breaker, State
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


async def lock_breaker(connection: Connection, dip_id: str, channel: str) -> Breaker:
    """As it is, nobody else's to change until commit; closed where there is none yet."""
    row = await connection.fetchrow(load_queries("breakers")["lock_breaker"], dip_id, channel)
    if row is None:
        return Breaker()
    return Breaker(State(row["state"]), *tuple(row)[1:])


async def find_now(connection: Connection) -> datetime:
    """The time by the database's clock: workers' clocks may differ from it and from each other."""
    now: datetime = await connection.fetchval(load_queries("breakers")["find_now"])
    return now


async def find_rest(connection: Connection, dip_id: str, channel: str) -> timedelta:
    """How long the pause of an open breaker still is; zero when it is over, or the breaker closed."""
    rest: timedelta | None = await connection.fetchval(load_queries("breakers")["find_rest"], dip_id, channel)
    return max(rest or timedelta(0), timedelta(0))


async def keep_breaker(connection: Connection, dip_id: str, channel: str, breaker: Breaker, now: datetime) -> None:
    b = breaker
    await connection.execute(
        load_queries("breakers")["keep_breaker"],
        *(dip_id, channel, b.state.value, b.failures, b.recent, b.openings, b.until, b.reason, now),
    )


async def begin_probe(connection: Connection, dip_id: str, channel: str, longest: timedelta) -> bool:
    """Whether this caller may try one batch on a webhook whose breaker is open."""
    query = load_queries("breakers")["begin_probe"]
    return await connection.fetchval(query, dip_id, channel, longest) is not None


async def close_breaker(connection: Connection, dip_id: str, channel: str) -> bool:
    """The webhook answers again; whether its breaker had been open."""
    return bool(await connection.fetchval(load_queries("breakers")["close_breaker"], dip_id, channel))


async def try_breakers(connection: Connection, dip_id: str, channel: str | None) -> None:
    """Somebody says that it is mended: one batch may be tried at once."""
    await connection.execute(load_queries("breakers")["try_breakers"], dip_id, channel)
