"""What a DIP id proves itself with: two certificates with their keys, whom it believes, and its API key."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from opendip.domain.problems import Problem

from .certificates import Purpose, Subject, UntrustedCertificate, get_public_key, get_subject
from .signing import encode_certificate, sign
from .tls import make_client_context, make_server_context
from .trust import TrustStore


class UnusableCredentials(Problem):
    """A credentials directory cannot be used. The text says which file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """One directory's credentials, loaded. They show their DIP id and nothing else."""

    subject: Subject
    directory: Path
    certificate_header: str
    """The value of `X-DIP-Signature-Certificate`."""
    trust: TrustStore
    revocation_lists: tuple[Path, ...]
    api_key: str | None
    _signing_key: RSAPrivateKey

    @classmethod
    def load(cls, directory: str | Path, revocation_lists: Sequence[Path] | None = None) -> "Credentials":
        """Read `tls.pem, tls.key, signing.pem, signing.key, ca.pem`, and `api-key.txt` where there is one.

        Revocation lists are checked when given, or when the directory has a `crl.pem`.
        Raises `UnusableCredentials` if anything is missing, unreadable, or does not belong together.
        """
        directory = Path(directory)
        lists = _find_own_list(directory) if revocation_lists is None else tuple(revocation_lists)
        subject, _ = _load_pair(directory, Purpose.TLS)
        signing_subject, signing_key = _load_pair(directory, Purpose.SIGNING)
        if signing_subject != subject:
            raise UnusableCredentials(
                f"{directory}: tls.pem and signing.pem name different owners. Put back those of one DIP id."
            )
        return cls(
            subject,
            directory,
            encode_certificate(_read(directory / "signing.pem")),
            _load_trust(directory / "ca.pem", lists),
            lists,
            _find_api_key(directory / "api-key.txt"),
            signing_key,
        )

    def __repr__(self) -> str:
        return f"Credentials({self.subject.dip_id!r})"

    @property
    def dip_id(self) -> str:
        return self.subject.dip_id

    @property
    def organisation(self) -> str:
        return self.subject.organisation

    def sign(
        self, method: str, url: str, body: bytes, at: datetime, *, content_hash: str | None = None
    ) -> dict[str, str]:
        """The four signature headers of a call made now; see `signing.sign`."""
        return sign(method, url, body, self._signing_key, self.certificate_header, at, content_hash=content_hash)

    def ssl_context_for_client(self) -> ssl.SSLContext:
        """For calling the DIP, or whoever else has a certificate of the same authorities."""
        return make_client_context(*self._list_tls_files(), self.revocation_lists)

    def ssl_context_for_server(self) -> ssl.SSLContext:
        """For being called; a client certificate is required."""
        return make_server_context(*self._list_tls_files(), self.revocation_lists)

    def _list_tls_files(self) -> tuple[Path, Path, Path]:
        return self.directory / "tls.pem", self.directory / "tls.key", self.directory / "ca.pem"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise UnusableCredentials(
            f"{path} cannot be read ({fault.strerror}). A credentials directory holds tls.pem, tls.key, "
            "signing.pem, signing.key, ca.pem and api-key.txt."
        ) from None


def _load_pair(directory: Path, purpose: Purpose) -> tuple[Subject, RSAPrivateKey]:
    """Whose a certificate is, and its key, once they are seen to belong together."""
    path, key_path = directory / f"{purpose}.pem", directory / f"{purpose}.key"
    try:
        certificate = x509.load_pem_x509_certificate(_read(path))
        subject, public_key = get_subject(certificate), get_public_key(certificate)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableCredentials(f"{path} is not a PEM certificate. Put back the one issued.") from None
    except UntrustedCertificate as fault:
        raise UnusableCredentials(f"{path}: {fault}") from None
    key = _load_key(key_path)
    if key.public_key() != public_key:
        raise UnusableCredentials(f"{key_path} is not the key of {path.name}. Put back the pair issued.")
    return subject, key


def _load_key(path: Path) -> RSAPrivateKey:
    # The parser's own words are not passed on: they could quote what is in the file.
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise UnusableCredentials(f"{path} is not an unencrypted RSA private key in PEM. Put it back so.")
    return key


def _find_own_list(directory: Path) -> tuple[Path, ...]:
    path = directory / "crl.pem"
    return (path,) if path.exists() else ()


def _load_trust(path: Path, revocation_lists: Sequence[Path]) -> TrustStore:
    try:
        return TrustStore.load(_read(path), *(_read(listed) for listed in revocation_lists))
    except (ValueError, UntrustedCertificate):
        raise UnusableCredentials(
            f"{path} must hold the environment's authorities, and a revocation list must be signed by one of "
            "them, all as PEM. Fetch them again from the DIP."
        ) from None


def _find_api_key(path: Path) -> str | None:
    return _read(path).decode("ascii", "replace").strip() if path.exists() else None
