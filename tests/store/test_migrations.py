from opendip.store.embedded import EmbeddedPostgres
from opendip.store.market import load_market
from opendip.store.migrations import find_newest, migrate
from opendip.store.pool import open_connection


async def test_migrations_apply_to_an_empty_database(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == find_newest()

    async with open_connection(empty_database_url) as connection:
        assert (await load_market(connection)).participants == {}


async def test_migrating_again_changes_nothing(fresh_database_url: str, postgres: EmbeddedPostgres) -> None:
    async with open_connection(fresh_database_url) as connection:
        before = await connection.fetchval("select count(*) from pg_class")

        await migrate(fresh_database_url)

        assert await connection.fetchval("select count(*) from pg_class") == before
