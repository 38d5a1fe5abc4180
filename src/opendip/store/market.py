"""The whole market read as one consistent picture."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from asyncpg import Record

from opendip.domain.market import ChannelRule, Market, Nomination, Participant, RegisteredCertificate, Tenure, Webhook
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


async def find_market_version(connection: Connection) -> int:
    """How many times the market has changed; addresses are not counted, they are looked up at each use."""
    version: int = await connection.fetchval(load_queries("market")["find_version"])
    return version


async def load_market(connection: Connection) -> Market:
    # One snapshot for all the queries, so that the version is the version of what was read.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await read_market(connection)


async def read_market(connection: Connection) -> Market:
    """The picture as the caller's own transaction sees it, with what it has changed so far."""
    queries = load_queries("market")
    rows = {name: await connection.fetch(query) for name, query in queries.items() if name != "find_version"}
    return _assemble(await find_market_version(connection), rows)


def _assemble(version: int, rows: Mapping[str, list[Record]]) -> Market:
    return Market(
        version=version,
        participants=_assemble_participants(rows["list_participants"], rows["list_roles"]),
        api_keys={row["key_sha256"]: row["dip_id"] for row in rows["list_api_keys"]},
        certificates={r["fingerprint"]: RegisteredCertificate(**r) for r in rows["list_certificates"]},
        nominations=_assemble_nominations(rows["list_nominations"]),
        webhooks={(row["dip_id"], row["channel"]): Webhook(**row) for row in rows["list_webhooks"]},
        holders=_group((row["role"], row["dip_id"]) for row in rows["list_roles"]),
        channel_rules={row["channel"]: ChannelRule(**row) for row in rows["list_channel_rules"]},
    )


def _assemble_participants(participants: list[Record], roles: list[Record]) -> Mapping[str, Participant]:
    tenures: dict[str, dict[str, Tenure]] = defaultdict(dict)
    for row in roles:
        tenures[row["dip_id"]][row["role"]] = Tenure(row["starts_on"], row["ends_on"])
    return {row["dip_id"]: Participant(**row, roles=tenures.get(row["dip_id"], {})) for row in participants}


def _assemble_nominations(rows: list[Record]) -> Mapping[tuple[str, str], tuple[Nomination, ...]]:
    return _group(
        (
            (row["provider_dip_id"], row["for_dip_id"]),
            Nomination(
                row["provider_dip_id"],
                row["for_dip_id"],
                row["role"],
                Tenure(row["starts_on"], row["ends_on"]),
            ),
        )
        for row in rows
    )


def _group(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, tuple[Any, ...]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}
