"""What one certificate says: whose it is, what it is for, and when. Whether to believe it is for `trust`."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from opendip.domain.problems import Problem

from .signing import MAX_KEY_BITS, MIN_KEY_BITS

_TLS_USAGES = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH})


class Purpose(StrEnum):
    """What a certificate is for. One made for the one is never accepted for the other."""

    TLS = "tls"
    SIGNING = "signing"


class UntrustedCertificate(Problem):
    """A certificate is not to be believed. The text says why and what to do, and quotes nothing of it."""


class Subject(NamedTuple):
    """Whose a certificate is: the DIP id (common name) and the organisation."""

    dip_id: str
    organisation: str


def get_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, hexadecimal in lower case: how the DIP knows it."""
    return certificate.fingerprint(SHA256()).hex()


def get_subject(certificate: x509.Certificate) -> Subject:
    """Whose it is; a certificate without exactly one common name and one organisation is nobody's."""
    return Subject(_get_name(certificate, NameOID.COMMON_NAME), _get_name(certificate, NameOID.ORGANIZATION_NAME))


def get_public_key(certificate: x509.Certificate) -> RSAPublicKey:
    """Its key, which must be RSA of 2048 to 8192 bits: larger ones cost whoever verifies."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise UntrustedCertificate(f"The certificate's key must be RSA, {MIN_KEY_BITS} to {MAX_KEY_BITS} bits.")
    return key


def check_dates(certificate: x509.Certificate, now: datetime) -> None:
    """Raise `UntrustedCertificate` unless now is within the certificate's dates."""
    if now < certificate.not_valid_before_utc:
        raise UntrustedCertificate("The certificate is not valid yet. Check its dates, and both clocks.")
    if now > certificate.not_valid_after_utc:
        raise UntrustedCertificate("The certificate has expired. Ask the DIP Manager for a new one.")


def check_purpose(certificate: x509.Certificate, purpose: Purpose) -> None:
    """Raise `UntrustedCertificate` unless a certificate is meant for the purpose, and no other."""
    try:
        extensions = certificate.extensions
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        raise UntrustedCertificate("The certificate does not say what its key may be used for.") from None
    is_for_tls = not _TLS_USAGES.isdisjoint(_list_extended_usages(extensions) or ())
    if not usage.digital_signature or is_for_tls is not (purpose is Purpose.TLS):
        raise UntrustedCertificate(
            f"The certificate is not meant for {purpose}. TLS and signing each have one of their own."
        )


def may_issue(authority: x509.Certificate, purpose: Purpose) -> bool:
    """Whether an authority issues for the purpose: one that is kept to some usages issues for no other.

    So one file can hold the authorities of both purposes (RFC 5280 4.2.1.12).
    """
    try:
        extensions = authority.extensions
        is_authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    usages = _list_extended_usages(extensions)
    if not is_authority or usages is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages:
        return is_authority
    return bool(usages & _TLS_USAGES) if purpose is Purpose.TLS else bool(usages - _TLS_USAGES)


def _list_extended_usages(extensions: x509.Extensions) -> frozenset[x509.ObjectIdentifier] | None:
    try:
        return frozenset(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None


def _get_name(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    if len(found) != 1:
        raise UntrustedCertificate("A certificate's subject must name one DIP id (common name) and one organisation.")
    return str(found[0].value)
