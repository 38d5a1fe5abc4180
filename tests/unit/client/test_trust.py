"""Whom the trust store believes: what its authorities issued for that purpose, current and not revoked."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from opendip.client import signing
from opendip.client.certificates import Purpose, Subject, UntrustedCertificate, get_fingerprint, get_subject
from opendip.client.trust import TrustStore
from opendip.operations.authority import (
    Authorities,
    create_authorities,
    issue,
    list_revoked,
    renew_crl,
    revoke,
)

from .subjects import NOW, SUPPLIER


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def store(authorities: Authorities) -> TrustStore:
    return TrustStore.create([authority.certificate for authority in authorities])


def read_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def make_header(certificate: x509.Certificate) -> str:
    return signing.encode_certificate(certificate.public_bytes(Encoding.PEM))


def test_each_certificate_is_trusted_for_its_own_purpose(store: TrustStore, supplier_directory: Path):
    for purpose in Purpose:
        store.check(read_certificate(supplier_directory / f"{purpose}.pem"), purpose, NOW)


def test_the_signer_is_who_the_subject_says(store: TrustStore, supplier_directory: Path):
    certificate = read_certificate(supplier_directory / "signing.pem")
    signer = store.get_signer(make_header(certificate), NOW)
    assert signer.subject == SUPPLIER
    assert signer.fingerprint == certificate.fingerprint(SHA256()).hex() == get_fingerprint(certificate)


@pytest.mark.parametrize(("issued_for", "used_for"), [("tls", "signing"), ("signing", "tls")])
def test_a_certificate_is_not_trusted_for_the_other_purpose(
    store: TrustStore, supplier_directory: Path, issued_for: str, used_for: str
):
    certificate = read_certificate(supplier_directory / f"{issued_for}.pem")
    with pytest.raises(UntrustedCertificate, match=used_for):
        store.check(certificate, Purpose(used_for), NOW)


def test_an_authority_for_both_purposes_still_keeps_them_apart(authorities: Authorities, key: rsa.RSAPrivateKey):
    any_purpose = make_any_purpose_authority(authorities, key)
    both = TrustStore.create([any_purpose.tls.certificate])
    for authority, other in ((any_purpose.tls, Purpose.SIGNING), (any_purpose.signing, Purpose.TLS)):
        certificate = issue(authority, SUPPLIER, key.public_key(), NOW)
        both.check(certificate, authority.purpose, NOW)
        with pytest.raises(UntrustedCertificate, match="not meant for"):
            both.check(certificate, other, NOW)


def make_any_purpose_authority(authorities: Authorities, key: rsa.RSAPrivateKey) -> Authorities:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Any purpose")])
    certificate = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return Authorities(*(replace(authority, certificate=certificate, key=key) for authority in authorities))


@pytest.mark.parametrize("purpose", list(Purpose))
def test_another_environments_authority_of_the_same_name_is_not_ours(
    store: TrustStore, stranger_directory: Path, purpose: Purpose
):
    with pytest.raises(UntrustedCertificate, match="None of this environment's"):
        store.check(read_certificate(stranger_directory / f"{purpose}.pem"), purpose, NOW)


@pytest.mark.parametrize(("shift", "words"), [(-1, "not valid yet"), (366, "expired")])
def test_a_certificate_counts_only_within_its_dates(
    store: TrustStore, authorities: Authorities, key: rsa.RSAPrivateKey, shift: int, words: str
):
    certificate = issue(authorities.signing, SUPPLIER, key.public_key(), NOW)
    with pytest.raises(UntrustedCertificate, match=words):
        store.get_signer(make_header(certificate), NOW + timedelta(days=shift))


def test_a_certificate_once_trusted_still_expires(store: TrustStore, authorities: Authorities, key: rsa.RSAPrivateKey):
    header = make_header(issue(authorities.signing, SUPPLIER, key.public_key(), NOW))
    store.get_signer(header, NOW)
    with pytest.raises(UntrustedCertificate, match="expired"):
        store.get_signer(header, NOW + timedelta(days=366))


def test_a_certificate_ends_with_its_authority(authorities: Authorities, key: rsa.RSAPrivateKey):
    store = TrustStore.create([authorities.signing.certificate])
    certificate = issue(authorities.signing, SUPPLIER, key.public_key(), NOW, lifetime=timedelta(days=5000))
    with pytest.raises(UntrustedCertificate, match="expired"):
        store.check(certificate, Purpose.SIGNING, NOW + timedelta(days=4000))


def load_store(authorities: Authorities) -> TrustStore:
    pems = b"".join(a.certificate.public_bytes(Encoding.PEM) for a in authorities)
    return TrustStore.load(pems, b"".join(a.list_path.read_bytes() for a in authorities))


def test_a_revoked_certificate_is_not_trusted_and_the_others_still_are(tmp_path: Path, key: rsa.RSAPrivateKey):
    authorities = create_authorities(tmp_path, "DEV", NOW)
    lost, kept = (issue(authorities.signing, SUPPLIER, key.public_key(), NOW) for _ in range(2))
    revoke(authorities.signing, [lost.serial_number], NOW)
    store = load_store(authorities)
    store.get_signer(make_header(kept), NOW)
    with pytest.raises(UntrustedCertificate, match="revoked"):
        store.get_signer(make_header(lost), NOW)


def test_a_list_past_its_next_update_trusts_nobody_until_it_is_renewed(tmp_path: Path, key: rsa.RSAPrivateKey):
    authorities = create_authorities(tmp_path, "DEV", NOW)
    header = make_header(issue(authorities.signing, SUPPLIER, key.public_key(), NOW))
    late = NOW + timedelta(days=31)
    with pytest.raises(UntrustedCertificate, match="Renew the list"):
        load_store(authorities).get_signer(header, late)
    for authority in authorities:
        renew_crl(authority, late)
    assert load_store(authorities).get_signer(header, late).subject == SUPPLIER


def test_a_list_of_another_authority_is_refused(authorities: Authorities, other_authorities: Authorities):
    with pytest.raises(UntrustedCertificate, match="revocation list"):
        TrustStore.load(
            authorities.tls.certificate.public_bytes(Encoding.PEM),
            other_authorities.tls.list_path.read_bytes(),
        )


def test_the_newest_of_several_lists_counts(tmp_path: Path, key: rsa.RSAPrivateKey):
    authority = create_authorities(tmp_path, "DEV", NOW).tls
    former = authority.list_path.read_bytes()
    certificate = issue(authority, SUPPLIER, key.public_key(), NOW)
    revoke(authority, [certificate.serial_number], NOW)
    pem = authority.certificate.public_bytes(Encoding.PEM)
    for lists in ((former, authority.list_path.read_bytes()), (authority.list_path.read_bytes(), former)):
        with pytest.raises(UntrustedCertificate, match="revoked"):
            TrustStore.load(pem, *lists).check(certificate, Purpose.TLS, NOW)
    assert certificate.serial_number in list_revoked(authority)


def test_a_participant_cannot_issue_for_another(store: TrustStore, supplier_directory: Path):
    """A chain through a participant's own certificate, which is no authority."""
    pem = (supplier_directory / "signing.pem").read_bytes()
    unauthorised = TrustStore.load(pem)
    with pytest.raises(UntrustedCertificate, match="None of this environment's"):
        unauthorised.check(read_certificate(supplier_directory / "signing.pem"), Purpose.SIGNING, NOW)


def sign_own(key, *, names=(("CN", "1109012345"),), now: datetime = NOW, extensions=()) -> x509.Certificate:
    oids = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME}
    name = x509.Name([x509.NameAttribute(oids[short], value) for short, value in names])
    builder = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256())


def test_a_certificate_that_signed_itself_is_not_trusted(store: TrustStore, key: rsa.RSAPrivateKey):
    with pytest.raises(UntrustedCertificate, match="None of this environment's"):
        store.get_signer(make_header(sign_own(key)), NOW)


def test_a_huge_certificate_is_refused_before_it_is_read(store: TrustStore, key: rsa.RSAPrivateKey):
    names = x509.SubjectAlternativeName([x509.DNSName(f"host-{n}.example") for n in range(2000)])
    with pytest.raises(signing.MalformedSignature, match="longer than"):
        store.get_signer(make_header(sign_own(key, extensions=[names])), NOW)


def test_a_certificate_with_broken_names_is_refused(store: TrustStore, supplier_directory: Path):
    der = bytearray(read_certificate(supplier_directory / "signing.pem").public_bytes(Encoding.DER))
    for position in range(4, len(der), 7):
        broken = bytearray(der)
        broken[position] ^= 0xFF
        text = base64.encodebytes(bytes(broken)).decode()
        pem = f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
        with pytest.raises((signing.MalformedSignature, UntrustedCertificate)):
            store.get_signer(signing.encode_certificate(pem.encode()), NOW)


@pytest.mark.parametrize(
    "names",
    [
        [("CN", "1109012345")],
        [("O", "Bright Lamp Energy")],
        [("CN", "1109012345"), ("CN", "1209012345"), ("O", "Bright Lamp Energy")],
    ],
)
def test_a_subject_must_name_one_dip_id_and_one_organisation(key: rsa.RSAPrivateKey, names):
    with pytest.raises(UntrustedCertificate, match="must name one DIP id"):
        get_subject(sign_own(key, names=names))


def test_a_small_key_is_not_trusted_whoever_issued_it(store: TrustStore, authorities: Authorities):
    small = rsa.generate_private_key(65537, 1024).public_key()
    with pytest.raises(UntrustedCertificate, match="must be RSA"):
        store.check(issue(authorities.signing, SUPPLIER, small, NOW), Purpose.SIGNING, NOW)


def test_a_key_of_another_kind_is_not_trusted_whoever_issued_it(store: TrustStore, authorities: Authorities):
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    certificate = issue(authorities.signing, SUPPLIER, curve, NOW)  # type: ignore[arg-type]
    with pytest.raises(UntrustedCertificate, match="must be RSA"):
        store.check(certificate, Purpose.SIGNING, NOW)


def test_the_store_does_not_grow_without_end(
    store: TrustStore, authorities: Authorities, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("opendip.client.trust._MAX_REMEMBERED", 3)
    store = TrustStore.create([authorities.signing.certificate])
    for number in range(5):
        certificate = issue(authorities.signing, Subject(f"11090123{number:02d}", "Many"), key.public_key(), NOW)
        store.get_signer(make_header(certificate), NOW)
    assert len(store._signers) == 3
