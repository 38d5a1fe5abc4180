"""The signature of a call, both ways: what is hashed, what is signed, and the four headers that carry it.

The recipe is the live service's, step by step in `docs/connect.md`. Whom to trust is not decided here.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256

from opendip.domain.problems import Problem

SIGNATURE = "X-DIP-Signature"
SIGNATURE_DATE = "X-DIP-Signature-Date"
CONTENT_HASH = "X-DIP-Content-Hash"
SIGNATURE_CERTIFICATE = "X-DIP-Signature-Certificate"

MAX_CERTIFICATE_HEADER = 16_384
"""Characters. An RSA-8192 certificate with a long subject needs less than half of it."""
MAX_SIGNATURE_HEADER = 2_048
MAX_DATE_HEADER = 40
MAX_HASH_HEADER = 64

MIN_KEY_BITS = 2048
MAX_KEY_BITS = 8192

_PADDING = PKCS1v15()
_SHA256 = SHA256()
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)", re.ASCII)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class SignatureError(Problem):
    """A call's signature cannot be accepted. The text says which part and what is expected, not the value."""


class MalformedSignature(SignatureError):  # noqa: N818 - it says what happened
    """A signature header is missing or cannot be read."""


class BadSignature(SignatureError):  # noqa: N818
    """The headers can be read, but they do not prove this call."""


class SignatureHeaders(NamedTuple):
    """The four headers as they were sent: text, each within its size, none of it proved yet."""

    signature: str
    date: str
    content_hash: str
    certificate: str


def encode_digest(digest: bytes) -> str:
    """The 32 bytes of a SHA-256 as `X-DIP-Content-Hash` carries them."""
    return base64.b64encode(digest).decode("ascii")


def content_hash(body: bytes | bytearray | memoryview) -> str:
    """Base64 of the SHA-256 of the body exactly as sent."""
    return encode_digest(hashlib.sha256(body).digest())


_HASHES_OF_NO_BODY = frozenset({content_hash(b""), content_hash(b"{}")})


def has_content_hash(claimed: str, actual: str) -> bool:
    """Whether the claim is right for a body of the actual hash. A call without a body may also hash `{}`."""
    return claimed == actual or (claimed in _HASHES_OF_NO_BODY and actual == content_hash(b""))


def format_signature_date(at: datetime) -> str:
    """UTC with milliseconds and `Z`: `2025-06-27T14:29:09.061Z`. The time must be aware."""
    if at.tzinfo is None:
        raise ValueError("A signature date needs a time with a zone; use datetime.now(UTC).")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parse_signature_date(text: str) -> datetime:
    """The aware UTC time of `X-DIP-Signature-Date`; the fraction of a second may be left out."""
    if len(text) <= MAX_DATE_HEADER and _DATE.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise MalformedSignature(f"{SIGNATURE_DATE} must be a UTC time such as 2026-03-21T19:05:00.000Z.")


def signed_text(method: str, url: str, date: str, hashed: str) -> bytes:
    """What is signed: `METHOD;url;date;hash`, the whole public URL in lower case, the date as sent."""
    return f"{method.upper()};{url.lower()};{date};{hashed}".encode()


def sign(
    method: str,
    url: str,
    body: bytes,
    key: RSAPrivateKey,
    certificate_header: str,
    signed_at: datetime,
    *,
    content_hash: str | None = None,
) -> dict[str, str]:
    """The four headers of a call. Give `content_hash` when it is known already; then `body` is not read."""
    hashed = encode_digest(hashlib.sha256(body).digest()) if content_hash is None else content_hash
    date = format_signature_date(signed_at)
    signature = key.sign(signed_text(method, url, date, hashed), _PADDING, _SHA256)
    return {
        SIGNATURE: base64.b64encode(signature).decode("ascii"),
        SIGNATURE_DATE: date,
        CONTENT_HASH: hashed,
        SIGNATURE_CERTIFICATE: certificate_header,
    }


def verify(signature_b64: str, text: bytes, public_key: PublicKeyTypes) -> None:
    """Raise `BadSignature` unless the key's owner signed the text: RSA PKCS#1 v1.5 with SHA-256, base64."""
    if not isinstance(public_key, RSAPublicKey) or not MIN_KEY_BITS <= public_key.key_size <= MAX_KEY_BITS:
        raise BadSignature(f"The signing key must be RSA, {MIN_KEY_BITS} to {MAX_KEY_BITS} bits.")
    signature = _decode_base64(signature_b64, MAX_SIGNATURE_HEADER, SIGNATURE)
    try:
        public_key.verify(signature, text, _PADDING, _SHA256)
    except InvalidSignature:
        raise BadSignature(
            "The signature does not match this method, URL, date and content hash. "
            "The URL that is signed is the whole public one, in lower case."
        ) from None


def encode_certificate(pem: bytes) -> str:
    """`X-DIP-Signature-Certificate`: base64 of the PEM text, LF line ends, the first certificate alone."""
    found = _CERTIFICATE.search(pem.replace(b"\r\n", b"\n"))
    if found is None:
        raise ValueError("No PEM certificate (-----BEGIN CERTIFICATE-----) was found in what was given.")
    return base64.b64encode(found.group() + b"\n").decode("ascii")


def decode_certificate(header: str) -> x509.Certificate:
    """The certificate of `X-DIP-Signature-Certificate`; what is too large, or not exactly one, is refused."""
    pem = _decode_base64(header, MAX_CERTIFICATE_HEADER, SIGNATURE_CERTIFICATE)
    if b"PRIVATE KEY" in pem:
        raise MalformedSignature(
            f"{SIGNATURE_CERTIFICATE} carries a private key. Send the certificate alone; replace that key."
        )
    if len(_CERTIFICATE.findall(pem)) != 1:
        raise MalformedSignature(f"{SIGNATURE_CERTIFICATE} must be the base64 of one PEM certificate.")
    try:
        return x509.load_pem_x509_certificate(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedSignature(f"{SIGNATURE_CERTIFICATE} holds a certificate that cannot be read.") from None


def read_signature_headers(headers: Mapping[str, str]) -> SignatureHeaders:
    """The four headers out of a mapping that ignores case, or has the names as documented."""
    return SignatureHeaders(
        _read_header(headers, SIGNATURE, MAX_SIGNATURE_HEADER),
        _read_header(headers, SIGNATURE_DATE, MAX_DATE_HEADER),
        _read_header(headers, CONTENT_HASH, MAX_HASH_HEADER),
        _read_header(headers, SIGNATURE_CERTIFICATE, MAX_CERTIFICATE_HEADER),
    )


def _read_header(headers: Mapping[str, str], name: str, max_length: int) -> str:
    value = headers.get(name)
    if not value:
        raise MalformedSignature(f"The header {name} is missing. A call needs all four signature headers.")
    if len(value) > max_length:
        raise MalformedSignature(f"The header {name} is longer than {max_length} characters.")
    return value


def _decode_base64(text: str, max_length: int, name: str) -> bytes:
    if len(text) > max_length:
        raise MalformedSignature(f"The header {name} is longer than {max_length} characters.")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise MalformedSignature(f"The header {name} must be base64, without line ends.") from None
