from datetime import date, timedelta

from opendip.domain.market import STATUS_WEBHOOK, Tenure
from opendip.store.api_keys import add_api_key, generate_api_key, hash_api_key, revoke_api_keys
from opendip.store.certificates import (
    IssuedCertificate,
    add_certificate,
    list_equipped,
    list_issued,
    revoke_certificates,
)
from opendip.store.market import find_market_version, load_market
from opendip.store.participants import (
    remove_nomination,
    remove_role,
    set_mpid,
    set_nomination,
    set_role,
)
from opendip.store.pool import open_connection
from opendip.store.webhooks import delete_webhook, set_webhook
from tests.builders import (
    ALWAYS,
    DATA_SERVICE,
    NOW,
    PROVIDER,
    SUPPLIER,
    TODAY,
    a_nomination,
    a_webhook,
    add_small_market,
)


async def test_the_market_is_read_as_it_was_written(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await set_nomination(connection, a_nomination())
        await set_webhook(connection, a_webhook(max_message_count=100), NOW)
        await set_webhook(connection, a_webhook(channel=STATUS_WEBHOOK), NOW)

        market = await load_market(connection)

    supplier = market.participants[SUPPLIER]
    assert (supplier.organisation, supplier.mpid, supplier.roles) == (
        "Example Supply Ltd",
        "EXSU",
        {"SUP": ALWAYS},
    )
    assert market.list_holders("SUP", TODAY) == (SUPPLIER,)
    assert market.is_nominated(PROVIDER, DATA_SERVICE, "SDS", TODAY)
    assert market.webhooks[SUPPLIER, "IF-021"] == a_webhook(max_message_count=100)
    assert market.webhooks[SUPPLIER, STATUS_WEBHOOK] == a_webhook(channel=STATUS_WEBHOOK)


async def test_a_role_and_a_nomination_can_be_moved_and_taken_away(fresh_database_url: str) -> None:
    until_today = Tenure(ALWAYS.starts_on, TODAY)
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await set_role(connection, SUPPLIER, "SUP", until_today)
        await set_nomination(connection, a_nomination(role=None))
        await set_nomination(connection, a_nomination(role=None, tenure=until_today))
        await set_mpid(connection, SUPPLIER, None)
        moved = await load_market(connection)
        await remove_role(connection, SUPPLIER, "SUP")
        await remove_nomination(connection, a_nomination(role=None))
        removed = await load_market(connection)

    assert moved.list_holders("SUP", TODAY - timedelta(days=1)) == (SUPPLIER,)
    assert moved.list_holders("SUP", TODAY) == ()
    assert not moved.is_nominated(PROVIDER, DATA_SERVICE, "SDS", TODAY)
    assert moved.participants[SUPPLIER].mpid is None
    assert removed.list_holders("SUP", date(2020, 1, 1)) == ()
    assert removed.nominations == {}


async def test_the_version_rises_once_with_every_transaction_that_changes_the_market(
    fresh_database_url: str,
) -> None:
    async with open_connection(fresh_database_url) as connection:
        first = await find_market_version(connection)
        async with connection.transaction():
            await add_small_market(connection)
        second = await find_market_version(connection)
        await set_mpid(connection, SUPPLIER, "EXSU")
        unchanged = await find_market_version(connection)
        await set_webhook(connection, a_webhook(), NOW)
        third = await find_market_version(connection)

    assert (second, unchanged, third) == (first + 1, first + 1, first + 2)


async def test_a_deleted_webhook_is_gone_and_deleting_it_again_says_so(fresh_database_url: str) -> None:
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await set_webhook(connection, a_webhook(), NOW)

        assert await delete_webhook(connection, SUPPLIER, "IF-021")
        assert not await delete_webhook(connection, SUPPLIER, "IF-021")
        assert (await load_market(connection)).webhooks == {}


async def test_only_the_digest_of_an_api_key_is_kept_and_a_revoked_one_is_not_in_the_picture(
    fresh_database_url: str,
) -> None:
    key = generate_api_key()
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await add_api_key(connection, key, SUPPLIER, NOW)
        before = await load_market(connection)
        revoked = await revoke_api_keys(connection, SUPPLIER, NOW)
        after = await load_market(connection)

    assert before.api_keys == {hash_api_key(key): SUPPLIER}
    assert (revoked, after.api_keys) == (1, {})


async def test_a_revoked_certificate_stays_in_the_picture_as_revoked(fresh_database_url: str) -> None:
    issued = IssuedCertificate("ab" * 32, "tls", SUPPLIER, "PEM", NOW + timedelta(days=365))
    async with open_connection(fresh_database_url) as connection:
        await add_small_market(connection)
        await add_certificate(connection, issued, NOW, NOW)
        equipped = await list_equipped(connection, NOW)
        await revoke_certificates(connection, [issued.fingerprint], NOW)
        market = await load_market(connection)
        found = await list_issued(connection, dip_id=SUPPLIER, purpose="tls")

        assert await list_equipped(connection, NOW) == {}

    known = market.certificates[issued.fingerprint]
    assert (known.purpose, known.organisation, known.is_revoked) == ("tls", "Example Supply Ltd", True)
    assert equipped == {SUPPLIER: frozenset({"tls"})}
    assert [certificate.revoked_at for certificate in found] == [NOW]
