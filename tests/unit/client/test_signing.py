"""The signing recipe: known answers, tools other than ours, and headers made to do harm."""

import base64
import hashlib
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from opendip.client import signing
from opendip.client.signing import BadSignature, MalformedSignature

URL = "https://127.0.0.1:8443/2.1.0/dip-channel/IF-021"
AT = datetime(2025, 6, 27, 14, 29, 9, 61_999, tzinfo=UTC)


def load_key(directory: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key((directory / "signing.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def sign_as(directory: Path, body: bytes) -> dict[str, str]:
    header = signing.encode_certificate((directory / "signing.pem").read_bytes())
    return signing.sign("post", URL, body, load_key(directory), header, AT)


def test_the_content_hash_is_base64_of_the_sha_256_of_the_body():
    assert signing.content_hash(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert signing.content_hash(b"[]") == base64.b64encode(hashlib.sha256(b"[]").digest()).decode()


def test_the_signed_text_has_the_method_in_upper_and_the_url_in_lower_case():
    text = signing.signed_text("post", URL, "2025-06-27T14:29:09.061Z", "aGFzaA==")
    expected = "POST;https://127.0.0.1:8443/2.1.0/dip-channel/if-021;2025-06-27T14:29:09.061Z;aGFzaA=="
    assert text == expected.encode()


def test_the_date_is_utc_with_milliseconds_and_z():
    assert signing.format_signature_date(AT) == "2025-06-27T14:29:09.061Z"
    summer_time = AT.astimezone(timezone(timedelta(hours=1)))
    assert signing.format_signature_date(summer_time) == "2025-06-27T14:29:09.061Z"


def test_a_date_without_a_zone_is_not_signed():
    with pytest.raises(ValueError, match="zone"):
        signing.format_signature_date(AT.replace(tzinfo=None))


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_date_survives_the_header_to_the_millisecond(at: datetime):
    read = signing.parse_signature_date(signing.format_signature_date(at))
    assert timedelta(0) <= at - read < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-21T19:05:00.000",
        "2026-03-21 19:05:00Z",
        "20260321T190500Z",
        "2026-03-21T19:05:00.000+01:00",
        "2026-02-30T19:05:00.000Z",
        "٢٠٢٦-03-21T19:05:00.000Z",
        "2026-03-21T19:05:00.000Z\n",
        "2026-03-21T19:05:00." + "0" * 5000 + "Z",
    ],
)
def test_a_date_in_any_other_form_is_refused(text: str):
    with pytest.raises(MalformedSignature):
        signing.parse_signature_date(text)


@pytest.mark.parametrize(
    "text",
    ["2026-03-21T19:05:00Z", "2026-03-21T19:05:00.0000000Z", "2026-03-21T19:05:00.000+00:00"],
)
def test_dates_as_other_clients_write_them_are_read(text: str):
    assert signing.parse_signature_date(text) == datetime(2026, 3, 21, 19, 5, tzinfo=UTC)


def test_what_one_signs_another_verifies(supplier_directory: Path):
    headers = signing.read_signature_headers(sign_as(supplier_directory, b"[]"))
    certificate = signing.decode_certificate(headers.certificate)
    text = signing.signed_text("POST", URL, headers.date, headers.content_hash)
    signing.verify(headers.signature, text, certificate.public_key())


def test_openssl_agrees_with_the_signature(supplier_directory: Path, tmp_path: Path):
    headers = signing.read_signature_headers(sign_as(supplier_directory, b"[]"))
    public_key = subprocess.run(
        ["openssl", "x509", "-in", supplier_directory / "signing.pem", "-pubkey", "-noout"],
        capture_output=True,
        check=True,
    )
    (tmp_path / "public.pem").write_bytes(public_key.stdout)
    (tmp_path / "signature").write_bytes(base64.b64decode(headers.signature))
    text = signing.signed_text("POST", URL, headers.date, headers.content_hash)
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    subprocess.run(command, input=text, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("method", "url", "date_shift", "body"),
    [
        ("PUT", URL, 0, b"[]"),
        ("POST", URL.replace("021", "022"), 0, b"[]"),
        ("POST", URL, 1, b"[]"),
        ("POST", URL, 0, b"[1]"),
    ],
)
def test_a_call_that_differs_in_any_part_is_not_the_one_signed(
    supplier_directory: Path, method: str, url: str, date_shift: int, body: bytes
):
    headers = signing.read_signature_headers(sign_as(supplier_directory, b"[]"))
    date = signing.format_signature_date(AT + timedelta(milliseconds=date_shift))
    text = signing.signed_text(method, url, date, signing.content_hash(body))
    with pytest.raises(BadSignature, match="lower case"):
        signing.verify(headers.signature, text, load_key(supplier_directory).public_key())


@pytest.mark.parametrize("signature", ["", "AA==", "not base64", "QQ==\n", "é", "A" * 344])
def test_a_signature_that_is_none_is_refused(supplier_directory: Path, signature: str):
    with pytest.raises(signing.SignatureError):
        signing.verify(signature, b"text", load_key(supplier_directory).public_key())


def test_keys_too_small_or_not_rsa_prove_nothing():
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())):
        with pytest.raises(BadSignature, match="must be RSA"):
            signing.verify("AA==", b"text", key.public_key())


def test_a_call_without_a_body_may_hash_nothing_or_an_empty_object():
    nothing = signing.content_hash(b"")
    assert signing.has_content_hash(nothing, nothing)
    assert signing.has_content_hash(signing.content_hash(b"{}"), nothing)
    assert not signing.has_content_hash(nothing, signing.content_hash(b"{}"))
    assert not signing.has_content_hash(signing.content_hash(b"[]"), nothing)


def test_the_certificate_header_survives_windows_line_ends(supplier_directory: Path):
    pem = (supplier_directory / "signing.pem").read_bytes()
    header = signing.encode_certificate(pem.replace(b"\n", b"\r\n"))
    assert header == signing.encode_certificate(pem)
    assert base64.b64decode(header) == pem


def test_the_certificate_header_never_carries_the_key_beside_it(supplier_directory: Path):
    both = (supplier_directory / "signing.key").read_bytes() + (supplier_directory / "signing.pem").read_bytes()
    assert b"PRIVATE" not in base64.b64decode(signing.encode_certificate(both))


def test_a_private_key_in_the_header_is_refused_with_advice(supplier_directory: Path):
    both = (supplier_directory / "signing.pem").read_bytes() + (supplier_directory / "signing.key").read_bytes()
    with pytest.raises(MalformedSignature, match="replace that key"):
        signing.decode_certificate(base64.b64encode(both).decode())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "%%%",
        base64.b64encode(b"no certificate").decode(),
        base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode(),
        "A" * 16_385,
        "A" * 5_000_000,
    ],
)
def test_what_is_no_certificate_is_refused(header: str):
    with pytest.raises(MalformedSignature):
        signing.decode_certificate(header)


def test_two_certificates_in_the_header_are_refused(supplier_directory: Path):
    twice = base64.b64encode((supplier_directory / "signing.pem").read_bytes() * 2).decode()
    with pytest.raises(MalformedSignature, match="one PEM certificate"):
        signing.decode_certificate(twice)


@given(st.binary(max_size=400))
def test_no_header_whatever_makes_anything_but_a_refusal(junk: bytes):
    with pytest.raises(MalformedSignature):
        signing.decode_certificate(base64.b64encode(junk).decode())


@pytest.mark.parametrize(
    "name",
    [
        signing.SIGNATURE,
        signing.SIGNATURE_DATE,
        signing.CONTENT_HASH,
        signing.SIGNATURE_CERTIFICATE,
    ],
)
def test_a_missing_or_huge_header_is_named(supplier_directory: Path, name: str):
    headers = sign_as(supplier_directory, b"[]")
    with pytest.raises(MalformedSignature, match=f"{name} is missing"):
        signing.read_signature_headers({key: value for key, value in headers.items() if key != name})
    with pytest.raises(MalformedSignature, match=f"{name} is longer"):
        signing.read_signature_headers(headers | {name: "A" * 100_000})
