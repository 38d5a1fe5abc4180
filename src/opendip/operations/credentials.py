"""Credentials of participants: certificates and an API key for whoever has none, and revoking them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from opendip.client.certificates import Purpose, Subject, get_fingerprint
from opendip.domain.problems import Problem
from opendip.domain.webhook_addresses import encode_host
from opendip.operations.authority import Authorities, revoke, write_credentials
from opendip.store.api_keys import add_api_key, generate_api_key
from opendip.store.certificates import (
    IssuedCertificate,
    add_certificate,
    list_equipped,
    list_issued,
    revoke_certificates,
)
from opendip.store.pool import Connection

_NEEDED = frozenset({Purpose.TLS.value, Purpose.SIGNING.value, "api-key"})


class ForeignCredentials(Problem):
    """A credentials directory holds those of another environment."""


class NoSuchCertificate(Problem):
    """There is no certificate to revoke."""


@dataclass(frozen=True, slots=True)
class CredentialsWish:
    """Who must have credentials, and at which hosts they are called."""

    subject: Subject
    hosts: tuple[str, ...]

    @classmethod
    def make(cls, dip_id: str, organisation: str, urls: Iterable[str]) -> "CredentialsWish":
        hosts = {urlsplit(url).hostname or "" for url in urls}
        return cls(Subject(dip_id, organisation), tuple(sorted(encode_host(host) or host for host in hosts)))


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """What a DIP id was given, and where it is."""

    dip_id: str
    directory: Path
    has_new_api_key: bool


@dataclass(frozen=True, slots=True)
class UnnamedHosts:
    """Hosts of a DIP id's webhooks that no TLS certificate of its own in force names; deliveries there fail."""

    dip_id: str
    hosts: tuple[str, ...]


async def issue_missing(
    connection: Connection,
    authorities: Authorities,
    directory: Path,
    wishes: Sequence[CredentialsWish],
    now: datetime,
) -> list[IssuedCredentials]:
    """Fill `directory/<DIP id>/` for everybody without certificates or an API key in force.

    Called last in the caller's transaction: files without a registration are written again by the next
    call, while a registration without files would leave somebody without credentials for good.
    """
    equipped = await list_equipped(connection, now)
    issued: list[IssuedCredentials] = []
    for wish in wishes:
        missing = _NEEDED - equipped.get(wish.subject.dip_id, frozenset())
        if missing:
            place = directory / wish.subject.dip_id
            _check_own(place, authorities)
            key = generate_api_key() if "api-key" in missing else None
            certificates = write_credentials(place, authorities, wish.subject, now, hosts=wish.hosts, api_key=key)
            await _register(connection, wish.subject.dip_id, certificates, key, now)
            issued.append(IssuedCredentials(wish.subject.dip_id, place, key is not None))
    return issued


async def list_unnamed_hosts(
    connection: Connection, wishes: Sequence[CredentialsWish], now: datetime
) -> list[UnnamedHosts]:
    """Whose webhooks have moved to hosts that their TLS certificates were not issued for."""
    named: dict[str, set[str]] = defaultdict(set)
    for issued in await list_issued(connection, purpose=Purpose.TLS.value):
        if issued.revoked_at is None and issued.not_after > now:
            named[issued.dip_id] |= _list_names(x509.load_pem_x509_certificate(issued.pem.encode()))
    missing = [(wish.subject.dip_id, set(wish.hosts) - named[wish.subject.dip_id]) for wish in wishes]
    return [UnnamedHosts(dip_id, tuple(sorted(hosts))) for dip_id, hosts in missing if hosts]


def _list_names(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


async def _register(
    connection: Connection,
    dip_id: str,
    certificates: tuple[x509.Certificate, x509.Certificate],
    key: str | None,
    now: datetime,
) -> None:
    for purpose, certificate in zip((Purpose.TLS, Purpose.SIGNING), certificates, strict=True):
        pem = certificate.public_bytes(Encoding.PEM).decode()
        ends_at = certificate.not_valid_after_utc
        row = IssuedCertificate(get_fingerprint(certificate), purpose.value, dip_id, pem, ends_at)
        await add_certificate(connection, row, certificate.not_valid_before_utc, now)
    if key is not None:
        await add_api_key(connection, key, dip_id, now)


def _check_own(place: Path, authorities: Authorities) -> None:
    path = place / "ca.pem"
    if not path.exists():
        return
    own = {get_fingerprint(authority.certificate) for authority in authorities}
    try:
        found = {get_fingerprint(each) for each in x509.load_pem_x509_certificates(path.read_bytes())}
    except ValueError:
        found = set()
    if found != own:
        raise ForeignCredentials(
            f"{place} holds credentials of another DIP, which would be lost. Name another directory."
        )


async def revoke_credentials(
    connection: Connection,
    authorities: Authorities,
    now: datetime,
    *,
    fingerprint: str | None = None,
    dip_id: str | None = None,
    purpose: str | None = None,
) -> list[IssuedCertificate]:
    """Revoke a certificate, or all of a DIP id's for a purpose (None: both); answers those not revoked before.

    The revocation lists are written before the register, so that a fault leaves nothing believed.
    """
    found = await list_issued(connection, fingerprint=fingerprint, dip_id=dip_id, purpose=purpose)
    if not found:
        raise NoSuchCertificate(f"No certificate of {fingerprint or dip_id} is known. Check the number.")
    for authority in authorities:
        serial_numbers = [
            x509.load_pem_x509_certificate(each.pem.encode()).serial_number
            for each in found
            if each.purpose == authority.purpose.value
        ]
        if serial_numbers:
            revoke(authority, serial_numbers, now)
    await revoke_certificates(connection, [each.fingerprint for each in found], now)
    return [each for each in found if each.revoked_at is None]
