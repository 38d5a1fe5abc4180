"""Whom to believe: the authorities of one environment, what they have issued, and what they have revoked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .certificates import (
    Purpose,
    Subject,
    UntrustedCertificate,
    check_dates,
    check_purpose,
    get_fingerprint,
    get_public_key,
    get_subject,
    may_issue,
)
from .signing import decode_certificate

_MAX_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Signer:
    """The owner of a trusted signing certificate, ready to verify with."""

    subject: Subject
    fingerprint: str
    """SHA-256 of the certificate, hexadecimal in lower case."""
    public_key: RSAPublicKey
    certificate: x509.Certificate
    issuer: x509.Certificate


class _RevocationList(NamedTuple):
    serial_numbers: frozenset[int]
    next_update_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The authorities of one environment and what they have revoked; replace it whole when either changes.

    An authority without a revocation list has revoked nothing; with a list past its next update it is not
    trusted at all, as in TLS itself. Every certificate must be issued directly by an authority given here,
    because the headers carry no chain.
    """

    authorities: tuple[x509.Certificate, ...]
    _revocations: dict[x509.Certificate, _RevocationList]
    _signers: dict[str, Signer] = field(default_factory=dict)

    @classmethod
    def create(
        cls,
        authorities: Sequence[x509.Certificate],
        revocation_lists: Sequence[x509.CertificateRevocationList] = (),
    ) -> "TrustStore":
        """Of an authority's lists the newest counts; a list that no authority here signed is refused."""
        revocations: dict[x509.Certificate, _RevocationList] = {}
        for listed in sorted(revocation_lists, key=lambda crl: crl.last_update_utc):
            serials = frozenset(revoked.serial_number for revoked in listed)
            issuer = _get_list_issuer(listed, authorities)
            revocations[issuer] = _RevocationList(serials, listed.next_update_utc)
        return cls(tuple(authorities), revocations)

    @classmethod
    def load(cls, ca_pem: bytes, *crl_pems: bytes) -> "TrustStore":
        """From PEM texts: the authorities' certificates, then their revocation lists."""
        authorities = x509.load_pem_x509_certificates(ca_pem)
        return cls.create(authorities, [crl for pem in crl_pems for crl in _load_revocation_lists(pem)])

    def check(self, certificate: x509.Certificate, purpose: Purpose, now: datetime) -> x509.Certificate:
        """The authority that issued it for the purpose; `UntrustedCertificate` if it must not be believed."""
        issuer = self._get_issuer(certificate, purpose)
        get_public_key(certificate)
        check_purpose(certificate, purpose)
        self._check_still_valid(certificate, issuer, now)
        return issuer

    def get_signer(self, header: str, now: datetime) -> Signer:
        """Whose the certificate in `X-DIP-Signature-Certificate` is; what was proved once is remembered.

        Raises `MalformedSignature` if it cannot be read, `UntrustedCertificate` if it is not to be believed.
        """
        known = self._signers.get(header)
        if known is not None:
            self._check_still_valid(known.certificate, known.issuer, now)
            return known
        certificate = decode_certificate(header)
        issuer = self.check(certificate, Purpose.SIGNING, now)
        key, subject = get_public_key(certificate), get_subject(certificate)
        signer = Signer(subject, get_fingerprint(certificate), key, certificate, issuer)
        if len(self._signers) >= _MAX_REMEMBERED:
            self._signers.pop(next(iter(self._signers)), None)
        self._signers[header] = signer
        return signer

    def _get_issuer(self, certificate: x509.Certificate, purpose: Purpose) -> x509.Certificate:
        for authority in self.authorities:
            if may_issue(authority, purpose) and _has_issued(authority, certificate):
                return authority
        raise UntrustedCertificate(
            f"None of this environment's {purpose} authorities issued this certificate. "
            f"Use the {purpose} certificate that was issued for this environment."
        )

    def _check_still_valid(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
        check_dates(issuer, now)
        check_dates(certificate, now)
        listed = self._revocations.get(issuer)
        if listed is None:
            return
        if listed.next_update_at is not None and now > listed.next_update_at:
            raise UntrustedCertificate(
                "The authority's revocation list is out of date, so nothing it issued counts. Renew the list."
            )
        if certificate.serial_number in listed.serial_numbers:
            raise UntrustedCertificate("This certificate has been revoked. Ask the DIP Manager for a new one.")


def _has_issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        if certificate.issuer != authority.subject:
            return False
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _load_revocation_lists(pem: bytes) -> list[x509.CertificateRevocationList]:
    end = b"-----END X509 CRL-----"
    return [x509.load_pem_x509_crl(part + end) for part in pem.split(end)[:-1]]


def _get_list_issuer(
    listed: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]
) -> x509.Certificate:
    for authority in authorities:
        key = authority.public_key()
        is_named = authority.subject == listed.issuer
        if is_named and isinstance(key, RSAPublicKey) and listed.is_signature_valid(key):
            return authority
    raise UntrustedCertificate("A revocation list was not signed by any of the authorities it came with.")
