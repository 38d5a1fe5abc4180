"""A credentials directory: loaded whole or refused with advice, and silent about its secrets."""

import pickle
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from opendip.client.credentials import Credentials, UnusableCredentials
from opendip.client.signing import decode_certificate
from opendip.operations.authority import Authorities

from .subjects import NOW, SUPPLIER


@pytest.fixture
def directory(supplier_directory: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(supplier_directory, tmp_path / "spoilt"))


def test_credentials_know_whose_they_are(supplier_directory: Path):
    credentials = Credentials.load(supplier_directory)
    assert (credentials.dip_id, credentials.organisation) == SUPPLIER
    assert credentials.api_key == "key-of-supplier"
    assert decode_certificate(credentials.certificate_header).subject.rfc4514_string().startswith("CN=1109012345")


def test_the_dip_itself_needs_no_api_key(directory: Path):
    (directory / "api-key.txt").unlink()
    assert Credentials.load(directory).api_key is None


def test_credentials_show_their_dip_id_and_nothing_else(supplier_directory: Path):
    credentials = Credentials.load(supplier_directory)
    assert repr(credentials) == str(credentials) == f"{[credentials]}"[1:-1] == "Credentials('1109012345')"
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


@pytest.mark.parametrize("name", ["tls.pem", "tls.key", "signing.pem", "signing.key", "ca.pem"])
def test_a_missing_or_spoilt_file_is_named_with_advice(directory: Path, name: str):
    whole = (directory / name).read_bytes()
    (directory / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnusableCredentials, match=name) as spoilt:
        Credentials.load(directory)
    (directory / name).unlink()
    with pytest.raises(UnusableCredentials, match=f"{name} cannot be read"):
        Credentials.load(directory)
    assert whole.splitlines()[1].decode() not in str(spoilt.value)


@pytest.mark.parametrize("purpose", ["tls", "signing"])
def test_a_key_that_is_not_the_certificates_is_refused(directory: Path, agent_directory: Path, purpose: str):
    shutil.copy(agent_directory / f"{purpose}.key", directory)
    with pytest.raises(UnusableCredentials, match=f"is not the key of {purpose}"):
        Credentials.load(directory)


def test_certificates_of_two_owners_are_refused(directory: Path, agent_directory: Path):
    for name in ("signing.pem", "signing.key"):
        shutil.copy(agent_directory / name, directory)
    with pytest.raises(UnusableCredentials, match="different owners"):
        Credentials.load(directory)


def test_a_revocation_list_in_the_directory_is_used(directory: Path, authorities: Authorities):
    assert Credentials.load(directory).revocation_lists == ()
    lists = b"".join(authority.list_path.read_bytes() for authority in authorities)
    (directory / "crl.pem").write_bytes(lists)
    credentials = Credentials.load(directory)
    assert credentials.revocation_lists == (directory / "crl.pem",)
    assert credentials.trust.get_signer(credentials.certificate_header, NOW).subject == SUPPLIER


def test_a_revocation_list_of_strangers_is_refused(directory: Path, other_authorities: Authorities):
    with pytest.raises(UnusableCredentials, match="revocation list"):
        Credentials.load(directory, [other_authorities.tls.list_path])


def test_what_credentials_sign_their_own_trust_store_believes(supplier_directory: Path):
    credentials = Credentials.load(supplier_directory)
    headers = credentials.sign("POST", "https://dip.example/x", b"[]", NOW + timedelta(milliseconds=5))
    signer = credentials.trust.get_signer(headers["X-DIP-Signature-Certificate"], NOW)
    assert signer.subject.dip_id == credentials.dip_id
