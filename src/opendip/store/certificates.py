"""Certificates the DIP has issued: whose, for what, until when, and whether they were revoked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opendip.store.pool import Connection
from opendip.store.queries import load_queries


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate as kept. `purpose` is tls or signing, `fingerprint` SHA-256 in hexadecimal."""

    fingerprint: str
    purpose: str
    dip_id: str
    pem: str
    not_after: datetime
    revoked_at: datetime | None = None


async def add_certificate(
    connection: Connection, certificate: IssuedCertificate, not_before: datetime, now: datetime
) -> None:
    """Register a certificate; until it is, nobody can call with it or sign with it."""
    await connection.execute(
        load_queries("certificates")["add_certificate"],
        certificate.fingerprint,
        certificate.purpose,
        certificate.dip_id,
        certificate.pem,
        not_before,
        certificate.not_after,
        now,
    )


async def list_issued(
    connection: Connection,
    *,
    fingerprint: str | None = None,
    dip_id: str | None = None,
    purpose: str | None = None,
) -> list[IssuedCertificate]:
    """Certificates that are all of what is asked for, newest first."""
    rows = await connection.fetch(load_queries("certificates")["list_issued"], fingerprint, dip_id, purpose)
    return [IssuedCertificate(**row) for row in rows]


async def list_equipped(connection: Connection, now: datetime) -> Mapping[str, frozenset[str]]:
    """DIP id to what it has in force, of: tls, signing, api-key."""
    found: dict[str, set[str]] = defaultdict(set)
    for dip_id, kind in await connection.fetch(load_queries("certificates")["list_equipped"], now):
        found[dip_id].add(kind)
    return {dip_id: frozenset(kinds) for dip_id, kinds in found.items()}


async def revoke_certificates(connection: Connection, fingerprints: Sequence[str], now: datetime) -> None:
    await connection.execute(load_queries("certificates")["revoke_certificates"], fingerprints, now)
