"""Proving a call: that its body, its time and its URL are what the owner of a key signed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .signing import (
    BadSignature,
    SignatureHeaders,
    has_content_hash,
    parse_signature_date,
    signed_text,
    verify,
)

TOLERANCE = timedelta(minutes=5)
"""How far a signature's date may be from the clock of whoever checks it, either way."""


def verify_call(
    headers: SignatureHeaders,
    method: str,
    urls: Iterable[str],
    *,
    content_hash: str,
    key: RSAPublicKey,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Raise a `SignatureError` unless the key's owner signed this call, to any of the URLs it may have used.

    `content_hash` is that of the body as it came. Whether to trust the key is for the caller to know.
    """
    if not has_content_hash(headers.content_hash, content_hash):
        raise BadSignature("The content hash is not that of the body. Hash the bytes exactly as they are sent.")
    if abs(now - parse_signature_date(headers.date)) > tolerance:
        raise BadSignature(
            f"The signature's date is more than {tolerance.total_seconds():.0f} seconds from now. "
            "Sign each call when it is made, and keep the clock right."
        )
    _verify_any(headers, method, urls, key)


def _verify_any(headers: SignatureHeaders, method: str, urls: Iterable[str], key: RSAPublicKey) -> None:
    fault = BadSignature("The call was made at a URL that is not known here.")
    for url in urls:
        try:
            return verify(headers.signature, signed_text(method, url, headers.date, headers.content_hash), key)
        except BadSignature as again:
            fault = again
    raise fault
