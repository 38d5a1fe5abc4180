"""Mutual TLS over a real socket: who is let in, who is refused, and what a revocation list changes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from opendip.client.credentials import Credentials
from opendip.client.tls import add_revocation_lists, make_client_context, make_server_context
from opendip.operations.authority import Authorities, create_authorities, revoke, write_credentials

from .subjects import DIP, LOOPBACK, NOW, SUPPLIER


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[int]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def call(port: int, context: ssl.SSLContext, host: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    try:
        return await reader.read()
    finally:
        writer.close()


async def is_let_in(port: int, context: ssl.SSLContext) -> bool:
    """A server that refuses a caller closes the connection, with an alert that may or may not arrive."""
    try:
        return await call(port, context) == b"welcome"
    except (ssl.SSLError, ConnectionError):
        return False


async def test_two_of_one_environment_meet(dip_directory: Path, supplier_directory: Path):
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        for host in LOOPBACK:
            assert await call(port, Credentials.load(supplier_directory).ssl_context_for_client(), host) == b"welcome"


async def test_a_server_under_another_name_is_refused(dip_directory: Path, supplier_directory: Path):
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await call(port, Credentials.load(supplier_directory).ssl_context_for_client(), "dip.example")


async def test_a_caller_of_another_environment_is_refused(dip_directory: Path, stranger_directory: Path):
    context = Credentials.load(stranger_directory).ssl_context_for_client()
    context.load_verify_locations(cafile=dip_directory / "ca.pem")
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        assert not await is_let_in(port, context)


async def test_a_server_of_another_environment_is_refused(stranger_directory: Path, supplier_directory: Path):
    async with serving(Credentials.load(stranger_directory).ssl_context_for_server()) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await call(port, Credentials.load(supplier_directory).ssl_context_for_client())


async def test_a_caller_without_a_certificate_is_refused(dip_directory: Path):
    context = ssl.create_default_context(cafile=dip_directory / "ca.pem")
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        assert not await is_let_in(port, context)


async def test_a_signing_certificate_does_not_open_a_connection(dip_directory: Path, supplier_directory: Path):
    context = make_client_context(
        supplier_directory / "signing.pem", supplier_directory / "signing.key", supplier_directory / "ca.pem"
    )
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        assert not await is_let_in(port, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_tls_before_1_2_is_refused(dip_directory: Path, supplier_directory: Path):
    context = Credentials.load(supplier_directory).ssl_context_for_client()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await call(port, context)


async def test_tls_1_2_is_still_spoken(dip_directory: Path, supplier_directory: Path):
    context = Credentials.load(supplier_directory).ssl_context_for_client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(Credentials.load(dip_directory).ssl_context_for_server()) as port:
        assert await call(port, context) == b"welcome"


@pytest.fixture
def own(tmp_path: Path) -> tuple[Authorities, Path, Path]:
    """Authorities of the test's own, to revoke with, and the credentials of the DIP and the supplier."""
    authorities = create_authorities(tmp_path / "ca", "DEV", NOW)
    for name, subject in (("dip", DIP), ("supplier", SUPPLIER)):
        write_credentials(tmp_path / name, authorities, subject, NOW, hosts=LOOPBACK)
    return authorities, tmp_path / "dip", tmp_path / "supplier"


def revoke_tls(authorities: Authorities, directory: Path) -> None:
    certificate = x509.load_pem_x509_certificate((directory / "tls.pem").read_bytes())
    revoke(authorities.tls, [certificate.serial_number], NOW)


async def test_a_server_learns_of_a_revocation_while_it_runs(own: tuple[Authorities, Path, Path]):
    authorities, dip, supplier = own
    lists = [authority.list_path for authority in authorities]
    context = Credentials.load(dip, lists).ssl_context_for_server()
    async with serving(context) as port:
        caller = Credentials.load(supplier)
        assert await is_let_in(port, caller.ssl_context_for_client())
        revoke_tls(authorities, supplier)
        add_revocation_lists(context, lists)
        assert not await is_let_in(port, caller.ssl_context_for_client())
        assert await is_let_in(port, Credentials.load(dip).ssl_context_for_client())


async def test_a_caller_refuses_a_server_that_was_revoked(own: tuple[Authorities, Path, Path]):
    authorities, dip, supplier = own
    revoke_tls(authorities, dip)
    caller = Credentials.load(supplier, [authorities.tls.list_path])
    async with serving(Credentials.load(dip).ssl_context_for_server()) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
            await call(port, caller.ssl_context_for_client())


async def test_a_signing_certificate_does_not_serve(dip_directory: Path, supplier_directory: Path):
    context = make_server_context(
        dip_directory / "signing.pem", dip_directory / "signing.key", dip_directory / "ca.pem"
    )
    async with serving(context) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await call(port, Credentials.load(supplier_directory).ssl_context_for_client())
