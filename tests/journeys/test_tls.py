"""Who gets a connection at all: mutual TLS 1.2 or later, with a certificate of this environment that is in force."""

import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from opendip.client.certificates import Subject
from opendip.domain.homes import Home
from opendip.operations.authority import create_authorities, issue, load_authorities, revoke, write_credentials
from opendip.store.certificates import revoke_certificates
from tests.journeys.answers import assert_accepted, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.market import DATA, FORMER
from tests.journeys.participants import Participant
from tests.journeys.waiting import eventually
from tests.journeys.wire import ask


def make_client_context(directory: Path, trusted: Path, *, shows_certificate: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusted / "ca.pem")
    if shows_certificate:
        context.load_cert_chain(directory / "tls.pem", directory / "tls.key")
    return context


async def is_served(port: int, context: ssl.SSLContext) -> bool:
    """Whether HTTP is answered at all. In TLS 1.3 a client learns only then that it was not let in."""
    try:
        return bool(await ask(port, context, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"))
    except (ssl.SSLError, OSError):
        return False


async def test_a_caller_with_the_environments_certificate_is_served(dip: Dip):
    place = dip.credentials / DATA
    assert await is_served(dip.port, make_client_context(place, place))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_caller_without_a_certificate_gets_no_connection(dip: Dip, version: ssl.TLSVersion):
    place = dip.credentials / DATA
    context = make_client_context(place, place, shows_certificate=False)
    context.minimum_version = context.maximum_version = version
    assert not await is_served(dip.port, context)


async def test_a_certificate_of_another_environments_authority_gets_no_connection(dip: Dip, tmp_path: Path):
    others = create_authorities(tmp_path / "authorities", "SITB", datetime.now(UTC))
    subject = Subject(DATA, "Example Data Ltd")
    write_credentials(tmp_path / DATA, others, subject, datetime.now(UTC))
    assert not await is_served(dip.port, make_client_context(tmp_path / DATA, dip.credentials / DATA))


async def test_a_signing_certificate_is_none_for_tls(dip: Dip):
    place = dip.credentials / DATA
    context = make_client_context(place, place, shows_certificate=False)
    context.load_cert_chain(place / "signing.pem", place / "signing.key")
    assert not await is_served(dip.port, context)


async def test_tls_before_1_2_is_refused(dip: Dip):
    place = dip.credentials / DATA
    context = make_client_context(place, place)
    # Without this the client's own library would not even ask.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    assert await is_served(dip.port, context)
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(dip.port, context, b"GET / HTTP/1.1\r\n\r\n")


async def test_a_certificate_on_the_revocation_list_gets_no_connection(dip: Dip):
    authority = load_authorities(Home(dip.home).authorities).tls
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = issue(authority, Subject(DATA, "Example Data Ltd"), key.public_key(), datetime.now(UTC))
    place = dip.home.parent / "to-be-revoked"
    place.mkdir()
    (place / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (place / "tls.key").write_bytes(to_pem(key))

    async def is_still_served() -> bool:
        # A context of its own: a session that was resumed would prove nothing.
        return await is_served(dip.port, make_client_context(place, dip.credentials / DATA))

    async def is_shut_out() -> bool:
        return not await is_still_served()

    assert await is_still_served()
    revoke(authority, [certificate.serial_number], datetime.now(UTC))
    await eventually(is_shut_out, "the revoked certificate gets no connection")


async def test_a_certificate_revoked_in_the_register_is_refused_on_connections_that_are_open(dip: Dip):
    async with Participant(dip.credentials / FORMER, dip.base) as caller:
        message = draft(sender=FORMER)
        assert_accepted(await caller.send("IF-021", [message]))
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert((caller.directory / "tls.pem").read_text()))
        async with dip.pool.acquire() as connection:
            await revoke_certificates(connection, [fingerprint.hexdigest()], datetime.now(UTC))

        async def is_refused() -> bool:
            reply = await caller.send("IF-021", [draft(sender=FORMER)])
            if reply.status == 201:
                return False
            assert_refused(reply, 403, "MSG1000", "Renew it")
            return True

        await eventually(is_refused, "the certificate is refused")


def to_pem(key: rsa.RSAPrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
