"""Who is calling: the TLS certificate, the API key and the signature must all say the same organisation.

What needs no body is proved before the body is read, so that a stranger costs nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opendip.client.certificates import Purpose, UntrustedCertificate
from opendip.client.signing import (
    SignatureError,
    SignatureHeaders,
    has_content_hash,
    parse_signature_date,
    read_signature_headers,
    signed_text,
    verify,
)
from opendip.client.trust import Signer, TrustStore
from opendip.domain.market import Market, RegisteredCertificate
from opendip.domain.outcomes import PROCESSING_FAILED, SENDER_INVALID, Refusal, Status

API_KEY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class CallHeaders:
    """What a call shows of its caller before its body: the API key, the TLS certificate (DER), all headers."""

    method: str
    target: str
    """The path and query as sent."""
    headers: Mapping[str, str]
    tls_certificate: bytes | None


@dataclass(frozen=True, slots=True)
class Caller:
    """A proved caller: the DIP id of its API key, and the signature, proved but for the body."""

    dip_id: str
    organisation: str
    signature: SignatureHeaders
    signed_url: str
    signing_certificate: str
    """SHA-256 fingerprint, hexadecimal."""


def prove_caller(
    call: CallHeaders,
    market: Market,
    trust: TrustStore,
    public_urls: Sequence[str],
    tolerance: timedelta,
    now: datetime,
) -> Caller | Refusal:
    """E2E 4.4.3 and 4.4.4.1: issues of the key and the signature are a 401, issues of the TLS certificate a 403."""
    # E2E 4.4.3: validation of API key and establish Sender, before anything else.
    dip_id = _find_key_owner(call, market)
    if isinstance(dip_id, Refusal):
        return dip_id
    organisation = market.participants[dip_id].organisation
    refusal = _check_tls_certificate(call, market, organisation, now)
    if refusal is not None:
        return refusal
    try:
        signature = read_signature_headers(call.headers)
        signer = trust.get_signer(signature.certificate, now)
        refusal = _check_signer(signer, market, organisation) or _check_date(signature, tolerance, now)
        if refusal is not None:
            return refusal
        url = _find_signed_url(call, signature, signer, public_urls)
    except (SignatureError, UntrustedCertificate) as error:
        return _refuse_signature(str(error))
    return Caller(dip_id, organisation, signature, url, signer.fingerprint)


def prove_content(caller: Caller, content_hash: str) -> Refusal | None:
    """The body is the one that was signed. `content_hash`: base64 of the SHA-256 of what arrived."""
    if has_content_hash(caller.signature.content_hash, content_hash):
        return None
    return _refuse_signature("X-DIP-Content-Hash is not the base64 of the SHA-256 of the body that arrived.")


def _find_key_owner(call: CallHeaders, market: Market) -> str | Refusal:
    key = call.headers.get("x-api-key", "")
    if not key:
        text = "The header X-API-Key is missing. Send the API key that was issued for your DIP id."
        return Refusal(Status.UNAUTHORISED, SENDER_INVALID, text)
    dip_id = market.api_keys.get(hashlib.sha256(key[:API_KEY_LENGTH].encode()).hexdigest())
    if dip_id is None or dip_id not in market.participants:
        text = "The API key is not one that is in force. Check for a lost character, or ask for a new key."
        return Refusal(Status.UNAUTHORISED, SENDER_INVALID, text)
    return dip_id


def _check_tls_certificate(call: CallHeaders, market: Market, organisation: str, now: datetime) -> Refusal | None:
    if call.tls_certificate is None:
        text = "No TLS client certificate was presented. Connect with the one issued for your DIP id."
        return Refusal(Status.FORBIDDEN, PROCESSING_FAILED, text)
    fingerprint = hashlib.sha256(call.tls_certificate).hexdigest()
    known = _find_certificate(market, fingerprint, Purpose.TLS)
    if known is None or known.is_revoked or now >= known.not_after:
        text = "The TLS client certificate is not one that is in force here. Renew it, or use the one last issued."
        return Refusal(Status.FORBIDDEN, PROCESSING_FAILED, text)
    if known.organisation != organisation:
        text = "The TLS client certificate and the API key belong to different organisations."
        return Refusal(Status.FORBIDDEN, PROCESSING_FAILED, text)
    return None


def _check_signer(signer: Signer, market: Market, organisation: str) -> Refusal | None:
    known = _find_certificate(market, signer.fingerprint, Purpose.SIGNING)
    if known is None or known.is_revoked:
        return _refuse_signature("The signing certificate is not one that is in force here.")
    if known.organisation != organisation:
        return _refuse_signature("The signing certificate and the API key belong to different organisations.")
    return None


def _find_certificate(market: Market, fingerprint: str, purpose: Purpose) -> RegisteredCertificate | None:
    known = market.certificates.get(fingerprint)
    return known if known is not None and known.purpose == purpose.value else None


def _check_date(signature: SignatureHeaders, tolerance: timedelta, now: datetime) -> Refusal | None:
    if abs(now - parse_signature_date(signature.date)) <= tolerance:
        return None
    minutes = tolerance.total_seconds() / 60
    return _refuse_signature(
        f"X-DIP-Signature-Date is more than {minutes:g} minutes from the DIP's clock. Set your clock, and sign again."
    )


def _find_signed_url(call: CallHeaders, signature: SignatureHeaders, signer: Signer, public_urls: Sequence[str]) -> str:
    """Which of the DIP's public URLs was signed; raises BadSignature when none verifies."""
    urls = [base + call.target for base in public_urls]
    for url in urls[:-1]:
        try:
            _verify_url(call, signature, signer, url)
        except SignatureError:
            continue
        return url
    _verify_url(call, signature, signer, urls[-1])
    return urls[-1]


def _verify_url(call: CallHeaders, signature: SignatureHeaders, signer: Signer, url: str) -> None:
    text = signed_text(call.method, url, signature.date, signature.content_hash)
    verify(signature.signature, text, signer.public_key)


def _refuse_signature(text: str) -> Refusal:
    return Refusal(Status.UNAUTHORISED, PROCESSING_FAILED, text)
