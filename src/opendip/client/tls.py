"""Mutual TLS: TLS 1.2 at least, both ends' certificates checked, and the revoked refused."""

import ssl
from collections.abc import Iterable
from pathlib import Path

# What TLS 1.2 still offers with forward secrecy and authenticated encryption; TLS 1.3 has nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def make_client_context(
    certificate: Path, key: Path, authorities: Path, revocation_lists: Iterable[Path] = ()
) -> ssl.SSLContext:
    """For calling: the server must prove the host name that is called, and we show our certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _configure(context, certificate, key, authorities, revocation_lists)
    return context


def make_server_context(
    certificate: Path, key: Path, authorities: Path, revocation_lists: Iterable[Path] = ()
) -> ssl.SSLContext:
    """For being called: a caller without a certificate of these authorities does not get as far as HTTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    _configure(context, certificate, key, authorities, revocation_lists)
    return context


def add_revocation_lists(context: ssl.SSLContext, revocation_lists: Iterable[Path]) -> None:
    """Check leaves against these lists from the next handshake on; later ones replace what they renew.

    Once there is one list, every authority that issues TLS certificates needs one, none of them out of date.
    """
    for path in revocation_lists:
        context.load_verify_locations(cafile=path)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _configure(
    context: ssl.SSLContext,
    certificate: Path,
    key: Path,
    authorities: Path,
    revocation_lists: Iterable[Path],
) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cafile=authorities)
    add_revocation_lists(context, revocation_lists)
