"""The environment's authorities: what they make, what they refuse, and what other tools say of it."""

import re
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from opendip.operations.authority import (
    Authorities,
    Subject,
    UnacceptableRequest,
    create_authorities,
    issue,
    issue_for_request,
    list_revoked,
    load_authorities,
    renew_crl,
    revoke,
    write_credentials,
)

NOW = datetime.now(UTC).replace(microsecond=0)
SUPPLIER = Subject("1109012345", "Bright Lamp Energy")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture(scope="module")
def authorities(directory: Path) -> Authorities:
    return create_authorities(directory, "SIT", NOW)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def make_request(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str = "whoever") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM)


def test_an_authority_names_its_environment_and_its_purpose(authorities: Authorities):
    assert "OU=SIT" in authorities.tls.certificate.subject.rfc4514_string()
    assert authorities.tls.certificate.subject != authorities.signing.certificate.subject


def test_the_keys_are_for_their_owner_alone(authorities: Authorities, directory: Path, tmp_path: Path):
    write_credentials(tmp_path / "supplier", authorities, SUPPLIER, NOW, api_key="fictitious")
    secrets = [*directory.glob("*.key"), *(tmp_path / "supplier").glob("*.key")]
    secrets.append(tmp_path / "supplier" / "api-key.txt")
    assert len(secrets) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_an_authority_is_never_made_again_over_itself(authorities: Authorities, directory: Path):
    with pytest.raises(FileExistsError, match=r"tls-ca\.pem exists"):
        create_authorities(directory, "SIT", NOW)


def test_what_was_made_is_what_is_loaded_and_shows_no_key(authorities: Authorities, directory: Path):
    loaded = load_authorities(directory)
    assert [a.certificate for a in loaded] == [a.certificate for a in authorities]
    assert "RSAPrivateKey" not in repr(loaded)


def test_a_tls_certificate_serves_at_its_hosts_and_calls_out(authorities: Authorities, key: rsa.RSAPrivateKey):
    hosts = ["supplier.example", "127.0.0.1", "::1"]
    certificate = issue(authorities.tls, SUPPLIER, key.public_key(), NOW, hosts=hosts)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert names.get_values_for_type(x509.DNSName) == ["supplier.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert set(usages) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}


def test_a_signing_certificate_signs_and_does_nothing_else(authorities: Authorities, key: rsa.RSAPrivateKey):
    certificate = issue(authorities.signing, SUPPLIER, key.public_key(), NOW, hosts=["supplier.example"])
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_encipherment
    for absent in (x509.ExtendedKeyUsage, x509.SubjectAlternativeName):
        with pytest.raises(x509.ExtensionNotFound):
            certificate.extensions.get_extension_for_class(absent)


def verify_with_openssl(directory: Path, certificate: x509.Certificate, purpose: str, authority: str) -> str:
    path = directory / "checked.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-crl_check"]
    command += [
        "-CAfile",
        directory / f"{authority}-ca.pem",
        "-CRLfile",
        directory / f"{authority}-ca.crl",
        path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
def test_openssl_accepts_tls_certificates_under_its_strict_rules(
    authorities: Authorities, directory: Path, key: rsa.RSAPrivateKey, purpose: str
):
    certificate = issue(authorities.tls, SUPPLIER, key.public_key(), NOW, hosts=["localhost"])
    assert verify_with_openssl(directory, certificate, purpose, "tls").endswith("checked.pem: OK\n")


def test_openssl_refuses_a_signing_certificate_for_tls(
    authorities: Authorities, directory: Path, key: rsa.RSAPrivateKey
):
    certificate = issue(authorities.signing, SUPPLIER, key.public_key(), NOW)
    answer = verify_with_openssl(directory, certificate, "sslclient", "signing")
    assert re.search(r"unsuitable certificate purpose|unsupported certificate purpose", answer)


def test_openssl_sees_what_is_revoked(tmp_path: Path, key: rsa.RSAPrivateKey):
    authority = create_authorities(tmp_path, "SIT", NOW).tls
    certificate = issue(authority, SUPPLIER, key.public_key(), NOW)
    revoke(authority, [certificate.serial_number], NOW)
    assert "certificate revoked" in verify_with_openssl(tmp_path, certificate, "sslclient", "tls")


def test_a_request_gets_the_registers_subject_not_its_own(authorities: Authorities, key: rsa.RSAPrivateKey):
    request = make_request(key, "9999999999")
    certificate = issue_for_request(authorities.signing, request, SUPPLIER, NOW)
    assert certificate.subject.rfc4514_string() == "CN=1109012345,O=Bright Lamp Energy"
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize(
    ("make_key", "words"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), "2048 to 4096"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "must be RSA"),
        (lambda: rsa.generate_private_key(3, 2048), "65537"),
    ],
)
def test_a_request_with_an_unfit_key_is_refused(authorities: Authorities, make_key, words: str):
    with pytest.raises(UnacceptableRequest, match=words):
        issue_for_request(authorities.tls, make_request(make_key()), SUPPLIER, NOW)


def test_a_request_that_was_changed_after_signing_is_refused(authorities: Authorities, key: rsa.RSAPrivateKey):
    der = bytearray(x509.load_pem_x509_csr(make_request(key, "AAAAAAAAAA")).public_bytes(Encoding.DER))
    position = der.index(b"AAAAAAAAAA")
    der[position : position + 10] = b"BBBBBBBBBB"
    changed = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    with pytest.raises(UnacceptableRequest, match="not signed with its own key"):
        issue_for_request(authorities.tls, changed, SUPPLIER, NOW)


def test_what_is_no_request_is_refused(authorities: Authorities):
    with pytest.raises(UnacceptableRequest, match="cannot be read"):
        issue_for_request(authorities.tls, b"-----BEGIN NONSENSE-----", SUPPLIER, NOW)


def test_revoking_keeps_what_was_revoked_and_when(tmp_path: Path):
    authority = create_authorities(tmp_path, "SIT", NOW).tls
    revoke(authority, [1, 2], NOW)
    revoke(authority, [2, 3], NOW + timedelta(days=1))
    renew_crl(authority, NOW + timedelta(days=2))
    listed = x509.load_pem_x509_crl(authority.list_path.read_bytes())
    dates = {entry.serial_number: entry.revocation_date_utc - NOW for entry in listed}
    assert dates == {1: timedelta(0), 2: timedelta(0), 3: timedelta(days=1)}
    assert list_revoked(authority) == {1, 2, 3}
    assert listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 4


def test_each_list_begins_later_than_the_one_before(tmp_path: Path):
    authority = create_authorities(tmp_path, "SIT", NOW).tls
    begins = []
    for _ in range(3):
        renew_crl(authority, NOW)
        begins.append(x509.load_pem_x509_crl(authority.list_path.read_bytes()).last_update_utc)
    assert begins == sorted(set(begins))
