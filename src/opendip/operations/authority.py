"""The environment's two authorities on disk, for TLS and for signing: make them, issue, revoke, renew.

Each is a certificate, a key and a revocation list; the list is the record of what was revoked.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from opendip.client.certificates import Purpose, Subject

from .issuing import (
    KEY_BITS,
    Authority,
    UnacceptableRequest,
    issue,
    issue_for_request,
    make_authority_certificate,
    make_revocation_list,
)

__all__ = [
    "DIP_ORGANISATION",
    "Authorities",
    "Authority",
    "Purpose",
    "Subject",
    "UnacceptableRequest",
    "create_authorities",
    "issue",
    "issue_for_request",
    "list_revoked",
    "load_authorities",
    "renew_crl",
    "revoke",
    "write_credentials",
]

DIP_ORGANISATION = "Data Integration Platform"


class Authorities(NamedTuple):
    """Both authorities of an environment."""

    tls: Authority
    signing: Authority


def create_authorities(directory: Path, environment: str, now: datetime) -> Authorities:
    """Make both authorities of an environment, their revocation lists empty; none is ever made twice."""
    directory.mkdir(parents=True, exist_ok=True)
    for purpose in Purpose:
        _create_authority(directory, purpose, environment, now)
    authorities = load_authorities(directory)
    for authority in authorities:
        renew_crl(authority, now)
    return authorities


def load_authorities(directory: Path) -> Authorities:
    """Both authorities of a directory that `create_authorities` has filled."""
    return Authorities(_load_authority(directory, Purpose.TLS), _load_authority(directory, Purpose.SIGNING))


def revoke(authority: Authority, serial_numbers: Sequence[int], now: datetime) -> None:
    """Add certificates to the authority's list, for good; those on it already keep their date."""
    with _locked(authority):
        former = _find_revocation_list(authority)
        entries = {entry.serial_number: entry for entry in former or ()}
        for serial_number in serial_numbers:
            entries.setdefault(serial_number, _make_entry(serial_number, now))
        listed = make_revocation_list(authority, entries.values(), former, now)
        _write(authority.list_path, listed.public_bytes(serialization.Encoding.PEM))


def renew_crl(authority: Authority, now: datetime) -> None:
    """Write the authority's list again; well before its 30 days are over, for a late list stops all TLS."""
    revoke(authority, (), now)


def list_revoked(authority: Authority) -> frozenset[int]:
    """Serial numbers on the authority's list."""
    return frozenset(entry.serial_number for entry in _find_revocation_list(authority) or ())


def write_credentials(
    directory: Path,
    authorities: Authorities,
    subject: Subject,
    now: datetime,
    *,
    hosts: Sequence[str] = (),
    api_key: str | None = None,
) -> tuple[x509.Certificate, x509.Certificate]:
    """Fill a directory for `Credentials.load`, with new keys; returns the certificates, TLS first."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    tls = _write_pair(directory, authorities.tls, subject, now, hosts)
    signing = _write_pair(directory, authorities.signing, subject, now, ())
    _write(directory / "ca.pem", b"".join(_to_pem(a.certificate) for a in authorities))
    if api_key is not None:
        _write(directory / "api-key.txt", f"{api_key}\n".encode(), mode=0o600)
    return tls, signing


def _write_pair(
    directory: Path, authority: Authority, subject: Subject, now: datetime, hosts: Sequence[str]
) -> x509.Certificate:
    key = _make_key()
    certificate = issue(authority, subject, key.public_key(), now, hosts=hosts)
    _write(directory / f"{authority.purpose}.key", _key_to_pem(key), mode=0o600)
    _write(directory / f"{authority.purpose}.pem", _to_pem(certificate))
    return certificate


def _create_authority(directory: Path, purpose: Purpose, environment: str, now: datetime) -> None:
    path = directory / f"{purpose}-ca.pem"
    if path.exists():
        raise FileExistsError(f"{path} exists. An authority is made once: choose another directory.")
    key = _make_key()
    certificate = make_authority_certificate(purpose, DIP_ORGANISATION, environment, key, now)
    _write(directory / f"{purpose}-ca.key", _key_to_pem(key), mode=0o600)
    _write(path, _to_pem(certificate))


def _load_authority(directory: Path, purpose: Purpose) -> Authority:
    certificate = x509.load_pem_x509_certificate((directory / f"{purpose}-ca.pem").read_bytes())
    key = serialization.load_pem_private_key((directory / f"{purpose}-ca.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Authority(purpose, directory, certificate, key)


@contextmanager
def _locked(authority: Authority) -> Iterator[None]:
    """Two who revoke at once take turns, so neither's entry is lost."""
    with authority.list_path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _find_revocation_list(authority: Authority) -> x509.CertificateRevocationList | None:
    if not authority.list_path.exists():
        return None
    return x509.load_pem_x509_crl(authority.list_path.read_bytes())


def _make_entry(serial_number: int, now: datetime) -> x509.RevokedCertificate:
    return x509.RevokedCertificateBuilder().serial_number(serial_number).revocation_date(now).build()


def _make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _to_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_to_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file whole; it is never readable by more than its mode, not even for a moment."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
