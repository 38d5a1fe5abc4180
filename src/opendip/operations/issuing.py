"""Certificates as an authority makes them: its own, those it issues, and its revocation list."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from opendip.client.certificates import Purpose, Subject
from opendip.domain.problems import Problem

KEY_BITS = 2048
MAX_REQUESTED_KEY_BITS = 4096
AUTHORITY_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=365)
REVOCATION_LIST_LIFETIME = timedelta(days=30)
CLOCK_ALLOWANCE = timedelta(minutes=5)
"""How far a certificate starts before it is issued, so that a clock a little behind accepts it at once."""

# The signing authority is kept to signing documents (RFC 9336), so TLS itself refuses whatever it issues.
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_USAGES = {
    Purpose.TLS: [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
    Purpose.SIGNING: [_DOCUMENT_SIGNING],
}


class UnacceptableRequest(Problem):
    """A certificate signing request cannot be granted; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority with its key, and where its files are."""

    purpose: Purpose
    directory: Path
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def list_path(self) -> Path:
        return self.directory / f"{self.purpose}-ca.crl"


def issue(
    authority: Authority,
    subject: Subject,
    public_key: rsa.RSAPublicKey,
    now: datetime,
    *,
    hosts: Iterable[str] = (),
    lifetime: timedelta = CERTIFICATE_LIFETIME,
) -> x509.Certificate:
    """A certificate for whoever holds the key; for TLS it names the hosts served (names, addresses)."""
    builder = _begin(authority.certificate.subject, _make_name(subject), public_key, now, lifetime)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_make_key_usage(authority.purpose), critical=True)
    if authority.purpose is Purpose.TLS:
        builder = builder.add_extension(x509.ExtendedKeyUsage(_USAGES[Purpose.TLS]), critical=False)
        names = [_make_host(host) for host in hosts]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.add_extension(_make_authority_identifier(authority), critical=False).sign(authority.key, SHA256())


def issue_for_request(
    authority: Authority,
    request_pem: bytes,
    subject: Subject,
    now: datetime,
    *,
    hosts: Iterable[str] = (),
    lifetime: timedelta = CERTIFICATE_LIFETIME,
) -> x509.Certificate:
    """A certificate for a request (PKCS#10 as PEM). Only its key is taken: the register says whose it is."""
    return issue(authority, subject, _read_request(request_pem), now, hosts=hosts, lifetime=lifetime)


def make_authority_certificate(
    purpose: Purpose, organisation: str, environment: str, key: rsa.RSAPrivateKey, now: datetime
) -> x509.Certificate:
    """An authority's own certificate: signed by itself, naming its environment, kept to its purpose."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, environment),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{environment} {purpose} authority"),
        ]
    )
    own_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        _begin(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_make_key_usage(None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_USAGES[purpose]), critical=False)
        .add_extension(own_identifier, critical=False)
        .sign(key, SHA256())
    )


def make_revocation_list(
    authority: Authority,
    revoked: Iterable[x509.RevokedCertificate],
    former: x509.CertificateRevocationList | None,
    now: datetime,
) -> x509.CertificateRevocationList:
    """The authority's list of what it has revoked, good for 30 days; it follows its former one."""
    number, begins_at = 1, now - CLOCK_ALLOWANCE
    if former is not None:
        number = former.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
        # OpenSSL picks the latest of several lists by this time alone, and it has whole seconds.
        begins_at = max(begins_at, former.last_update_utc + timedelta(seconds=1))
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(begins_at)
        .next_update(now + REVOCATION_LIST_LIFETIME)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_make_authority_identifier(authority), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, SHA256())


def _begin(
    issuer: x509.Name, subject: x509.Name, key: rsa.RSAPublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_ALLOWANCE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _make_name(subject: Subject) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, subject.dip_id),
        ]
    )


def _make_host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make_authority_identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _make_key_usage(purpose: Purpose | None) -> x509.KeyUsage:
    """What a key may do: sign messages, set up TLS, or (None) issue certificates and revocation lists."""
    return x509.KeyUsage(
        digital_signature=purpose is not None,
        key_encipherment=purpose is Purpose.TLS,
        key_cert_sign=purpose is None,
        crl_sign=purpose is None,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read_request(request_pem: bytes) -> rsa.RSAPublicKey:
    try:
        request = x509.load_pem_x509_csr(request_pem)
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise UnacceptableRequest("The request cannot be read. Send one PKCS#10 request as PEM.") from None
    if not isinstance(key, rsa.RSAPublicKey) or not KEY_BITS <= key.key_size <= MAX_REQUESTED_KEY_BITS:
        raise UnacceptableRequest(f"The key must be RSA, {KEY_BITS} to {MAX_REQUESTED_KEY_BITS} bits.")
    if key.public_numbers().e != 65537:
        raise UnacceptableRequest("The key's public exponent must be 65537, the default of every tool.")
    if not request.is_signature_valid:
        raise UnacceptableRequest("The request is not signed with its own key. Make it again.")
    return key
