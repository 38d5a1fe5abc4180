from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from opendip.catalogue import load
from opendip.client.credentials import Credentials
from opendip.domain.market import STATUS_WEBHOOK
from opendip.operations.authority import create_authorities, list_revoked
from opendip.operations.credentials import (
    ForeignCredentials,
    IssuedCredentials,
    NoSuchCertificate,
    UnnamedHosts,
    revoke_credentials,
)
from opendip.operations.entries import FaultyFile
from opendip.operations.markets import AppliedMarket, MarketTools, apply_market
from opendip.store.addresses import find_responsible
from opendip.store.api_keys import hash_api_key
from opendip.store.market import find_market_version, load_market
from opendip.store.pool import Connection, open_connection
from opendip.store.webhooks import pause_webhook
from tests.builders import NOW, TODAY

METERING, SUPPLY, PROVIDER = "1200000015", "2300000012", "1046217565"
MARKET = f"""
organisations:
  - name: Example Metering Ltd
    participants:
      - dip_id: {METERING}
        mpid: EXMT
        roles: [MSS]
        webhooks: {{messages: "https://hooks.example.org/messages", status: "https://hooks.example.org/status"}}
  - name: Example Supply Ltd
    participants:
      - {{dip_id: {SUPPLY}, mpid: EXSU, roles: [SUP]}}
connection_providers:
  - {{dip_id: {PROVIDER}, organisation: Example Connections Ltd, for: {METERING}, roles: [MSS]}}
addresses:
  - {{mpan: "2000056535971", role: SUP, dip_id: {SUPPLY}, from: "2024-01-01"}}
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> MarketTools:
    directory = tmp_path_factory.mktemp("authorities")
    authorities = create_authorities(directory, "SIT", NOW)
    return MarketTools(load(), authorities, tmp_path_factory.mktemp("credentials"), False)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(fresh_database_url: str) -> AsyncIterator[Connection]:
    async with open_connection(fresh_database_url) as connection:
        yield connection


async def apply(connection: Connection, directory: Path, tools: MarketTools, text: str = MARKET) -> AppliedMarket:
    file = directory / "market.yaml"
    file.write_text(text)
    into = MarketTools(tools.catalogue, tools.authorities, directory / "credentials", False)
    return await apply_market(connection, file, into, NOW)


async def test_the_market_becomes_as_the_file_says(connection: Connection, tmp_path: Path, tools: MarketTools) -> None:
    done = await apply(connection, tmp_path, tools)
    market = await load_market(connection)
    responsible = await find_responsible(connection, [2000056535971], ["SUP"], [TODAY])

    assert market.list_holders("MSS", TODAY) == (METERING,)
    assert market.list_holders("DCP", TODAY) == (PROVIDER,)
    assert market.is_nominated(PROVIDER, METERING, "MSS", TODAY)
    assert [row.dip_id for row in responsible] == [SUPPLY]
    assert done.outcomes["participants"] == {"created": 3}
    assert [issued.dip_id for issued in done.issued] == [METERING, SUPPLY, PROVIDER]


async def test_a_participant_takes_every_publication_of_its_roles(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)

    webhooks = (await load_market(connection)).webhooks

    channels = {channel for dip_id, channel in webhooks if dip_id == METERING}
    assert {"IF-006", "IF-033", "IF-036", STATUS_WEBHOOK} <= channels
    assert "IF-022" not in channels
    assert webhooks[METERING, STATUS_WEBHOOK].url == "https://hooks.example.org/status"


async def test_credentials_work_and_belong_to_the_participant(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)

    market = await load_market(connection)
    credentials = Credentials.load(tmp_path / "credentials" / PROVIDER)

    assert (credentials.dip_id, credentials.organisation) == (PROVIDER, "Example Connections Ltd")
    assert credentials.api_key is not None
    assert market.api_keys[hash_api_key(credentials.api_key)] == PROVIDER
    assert len(market.certificates) == 6


async def test_applying_again_changes_nothing(connection: Connection, tmp_path: Path, tools: MarketTools) -> None:
    await apply(connection, tmp_path, tools)
    version = await find_market_version(connection)
    key = (tmp_path / "credentials" / SUPPLY / "api-key.txt").read_text()

    done = await apply(connection, tmp_path, tools)

    assert {outcome for counts in done.outcomes.values() for outcome in +counts} == {"left"}
    assert (done.issued, done.unnamed_hosts) == ([], [])
    assert await find_market_version(connection) == version
    assert (tmp_path / "credentials" / SUPPLY / "api-key.txt").read_text() == key


async def test_a_pause_is_its_owners_and_outlasts_the_file(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)
    await pause_webhook(connection, METERING, STATUS_WEBHOOK, NOW)

    same = await apply(connection, tmp_path, tools)
    limited = await apply(connection, tmp_path, tools, MARKET.replace("webhooks: {", "webhooks: {rate: 9, "))
    market = await load_market(connection)

    assert +same.outcomes["webhooks"] == {"left": len(market.webhooks)}
    assert +limited.outcomes["webhooks"] == {"changed": len(market.webhooks)}
    assert {hook.max_message_rate for hook in market.webhooks.values()} == {9}
    assert [hook.channel for hook in market.webhooks.values() if hook.paused_at] == [STATUS_WEBHOOK]


async def test_what_the_file_no_longer_gives_a_participant_goes_and_others_stay(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)
    changed = f"""
organisations:
  - name: Example Metering Ltd
    participants:
      - dip_id: {METERING}
        roles: [{{role: MSA, from: 2026-01-01}}]
        webhooks: {{messages: "https://other.example.org/messages", max_message_count: 7}}
"""

    done = await apply(connection, tmp_path, tools, changed)
    market = await load_market(connection)

    assert set(market.participants[METERING].roles) == {"MSA"}
    assert market.participants[METERING].mpid is None
    assert market.list_holders("SUP", TODAY) == (SUPPLY,)
    assert market.webhooks[METERING, "IF-006"].url == "https://other.example.org/messages"
    assert market.webhooks[METERING, "IF-006"].max_message_count == 7
    assert market.webhooks[METERING, STATUS_WEBHOOK].url == "https://hooks.example.org/status"
    assert done.outcomes["roles"] == {"created": 1, "removed": 1}
    assert done.unnamed_hosts == [UnnamedHosts(METERING, ("other.example.org",))]


async def test_a_nomination_that_is_left_out_goes_when_its_provider_is_named(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)

    await apply(connection, tmp_path, tools, MARKET.replace(f"for: {METERING}, roles: [MSS]", f"for: {SUPPLY}"))

    market = await load_market(connection)
    assert not market.is_nominated(PROVIDER, METERING, "MSS", TODAY)
    assert market.is_nominated(PROVIDER, SUPPLY, "SUP", TODAY)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (f"for: {METERING}", "for: 9900000099", "nobody has the DIP id 9900000099"),
        ("roles: [MSS]}", "roles: [ADS]}", f"{METERING} does not hold the role ADS"),
        (f"for: {METERING}, roles: [MSS]", f"for: {PROVIDER}", "no nomination to act for itself"),
        ("role: SUP, dip_id", "role: LDSO, dip_id", f"{SUPPLY} does not hold the role LDSO"),
        (f"dip_id: {SUPPLY}, mpid", f"dip_id: {METERING}, mpid", "is in line 5 already"),
        (f"dip_id: {PROVIDER}", f"dip_id: {SUPPLY}", "belongs to Example Supply Ltd"),
    ],
)
async def test_a_market_nobody_can_have_meant_is_refused_and_nothing_is_changed(
    connection: Connection, tmp_path: Path, tools: MarketTools, before: str, after: str, words: str
) -> None:
    assert before in MARKET

    with pytest.raises(FaultyFile) as caught:
        await apply(connection, tmp_path, tools, MARKET.replace(before, after))

    assert words in str(caught.value)
    assert (await load_market(connection)).participants == {}
    assert not (tmp_path / "credentials").exists()


async def test_a_dip_id_does_not_move_to_another_organisation(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)

    with pytest.raises(FaultyFile, match="belongs to Example Supply Ltd"):
        await apply(connection, tmp_path, tools, MARKET.replace("Example Supply Ltd", "Sample Power plc"))


async def test_address_files_are_loaded_but_for_the_lines_that_cannot_be(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    (tmp_path / "book").mkdir()
    lines = [f"20000565{number:05},SUP,{SUPPLY},2024-01-01," for number in range(500)]
    text = "\n".join(["mpan,role,dip_id,from,to", *lines, "nonsense", ""])
    (tmp_path / "book" / "addresses.csv").write_text(text)

    done = await apply(connection, tmp_path, tools, MARKET + "address_files: [book/addresses.csv]\n")

    assert done.outcomes["addresses"]["created"] == 501
    assert [(rejected.count, rejected.first[0].line) for rejected in done.rejected] == [(1, 502)]


async def test_credentials_of_another_dip_are_not_written_over(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    place = tmp_path / "credentials" / SUPPLY
    place.mkdir(parents=True)
    foreign = create_authorities(tmp_path / "foreign", "UIT", NOW)
    (place / "ca.pem").write_bytes((foreign.tls.directory / "tls-ca.pem").read_bytes())

    with pytest.raises(ForeignCredentials):
        await apply(connection, tmp_path, tools)

    assert (await load_market(connection)).participants == {}


async def test_revoked_credentials_are_on_the_list_and_are_issued_anew_by_the_next_apply(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)

    (revoked,) = await revoke_credentials(connection, tools.authorities, NOW, dip_id=SUPPLY, purpose="tls")
    again = await revoke_credentials(connection, tools.authorities, NOW, fingerprint=revoked.fingerprint)
    done = await apply(connection, tmp_path, tools)

    assert again == []
    assert len(list_revoked(tools.authorities.tls)) == 1
    assert (await load_market(connection)).certificates[revoked.fingerprint].is_revoked
    assert done.issued == [IssuedCredentials(SUPPLY, tmp_path / "credentials" / SUPPLY, False)]


async def test_certificates_that_have_run_out_are_issued_anew(
    connection: Connection, tmp_path: Path, tools: MarketTools
) -> None:
    await apply(connection, tmp_path, tools)
    into = MarketTools(tools.catalogue, tools.authorities, tmp_path / "credentials", False)

    done = await apply_market(connection, tmp_path / "market.yaml", into, NOW + timedelta(days=400))

    assert [issued.has_new_api_key for issued in done.issued] == [False] * 3


async def test_revoking_what_is_not_known_is_told(connection: Connection, tools: MarketTools) -> None:
    with pytest.raises(NoSuchCertificate, match="9900000099"):
        await revoke_credentials(connection, tools.authorities, NOW, dip_id="9900000099")
