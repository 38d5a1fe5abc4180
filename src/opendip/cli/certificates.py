"""`dip certificates`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.options import DEFAULT_HOME, HomeOption, load_home_settings

if TYPE_CHECKING:
    from opendip.store.certificates import IssuedCertificate
    from opendip.store.pool import Connection

FINGERPRINT_LENGTH = 64


class PurposeChoice(StrEnum):
    """What a certificate is for."""

    tls = "tls"
    signing = "signing"


DipIdOption = Annotated[str | None, typer.Option(help="Whose certificates.")]
PurposeOption = Annotated[PurposeChoice | None, typer.Option(help="Those for this only.")]


def show(home: HomeOption = DEFAULT_HOME, dip_id: DipIdOption = None, purpose: PurposeOption = None) -> None:
    """List the certificates issued, newest first."""
    from opendip.store.certificates import list_issued

    async def read(connection: "Connection", _: Path) -> "list[IssuedCertificate]":
        return await list_issued(connection, dip_id=dip_id, purpose=purpose and purpose.value)

    _print(_ask(home, read), "Certificates")


def revoke(
    home: HomeOption = DEFAULT_HOME,
    fingerprint: Annotated[str | None, typer.Argument(help="SHA-256 of the certificate, as listed.")] = None,
    dip_id: DipIdOption = None,
    purpose: PurposeOption = None,
) -> None:
    """Revoke a certificate, or those of a DIP id, for good. The next market apply issues new ones."""
    if (fingerprint is None) == (dip_id is None):
        raise typer.BadParameter("name either a fingerprint or --dip-id")
    digits = fingerprint.replace(":", "").lower() if fingerprint else None
    if digits is not None and len(digits) != FINGERPRINT_LENGTH:
        raise typer.BadParameter(f"a fingerprint has {FINGERPRINT_LENGTH} hexadecimal digits")

    async def write(connection: "Connection", authorities: Path) -> "list[IssuedCertificate]":
        from opendip.operations.authority import load_authorities
        from opendip.operations.credentials import revoke_credentials

        return await revoke_credentials(
            connection,
            load_authorities(authorities),
            datetime.now(UTC),
            fingerprint=digits,
            dip_id=dip_id,
            purpose=purpose and purpose.value,
        )

    _print(_ask(home, write), "Revoked now")


def _ask(
    home: Path, question: "Callable[[Connection, Path], Awaitable[list[IssuedCertificate]]]"
) -> "list[IssuedCertificate]":
    from opendip.domain.homes import Home
    from opendip.operations.homes import reach_database
    from opendip.store.pool import open_connection

    settings = load_home_settings(home)

    async def ask(url: str) -> "list[IssuedCertificate]":
        async with open_connection(url, "dip certificates") as connection:
            return await question(connection, Home(settings.home).authorities)

    with reach_database(settings.home, settings.database_url) as url:
        return asyncio.run(ask(url))


def _print(certificates: "list[IssuedCertificate]", title: str) -> None:
    typer.echo(f"{title}: {len(certificates)}")
    for each in certificates:
        revoked = f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else "-"
        # A line each and no table: a fingerprint is there to be copied whole.
        line = f"{each.dip_id} {each.purpose:7} until {each.not_after:%Y-%m-%d} {revoked:18} {each.fingerprint}"
        typer.echo(line)
