"""Making a home, the directory that holds one DIP: its database, authorities, own certificates, settings."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from opendip.client.certificates import Subject
from opendip.client.credentials import Credentials
from opendip.domain.homes import Home, get_home
from opendip.domain.problems import Problem
from opendip.operations.authority import (
    DIP_ORGANISATION,
    create_authorities,
    load_authorities,
    write_credentials,
)
from opendip.store.embedded import EmbeddedPostgres, running
from opendip.store.migrations import migrate

__all__ = ["HomePlan", "OtherHome", "create_home", "get_home", "load_dip_credentials", "reach_database"]


class OtherHome(Problem):
    """There is a DIP in a directory, but not the one that is meant."""


@dataclass(frozen=True, slots=True)
class HomePlan:
    """What a new home is to be."""

    environment: str
    dip_id: str
    hosts: Sequence[str]
    """The names and addresses the participant API is called by."""
    settings_text: str
    database_url: str = ""
    """A PostgreSQL of the operator's own; empty: the home gets one."""


async def create_home(directory: Path, plan: HomePlan, now: datetime) -> tuple[str, ...]:
    """Make the home; answers what was made, nothing when it was complete. One cut short is completed."""
    home = Home(directory)
    check_environment(home, plan.environment)
    made = [] if plan.database_url else _create_database(home)
    with reach_database(home.directory, plan.database_url) as url:
        await migrate(url)
    return (*made, *_create_files(home, plan, now))


def load_dip_credentials(home: Home) -> Credentials:
    """The DIP's own, which also say whom it believes and what was revoked."""
    return Credentials.load(home.credentials, home.revocation_lists)


@contextmanager
def reach_database(directory: Path, database_url: str) -> Iterator[str]:
    """The URL of the database: the operator's own, or the home's while it is needed."""
    if database_url:
        yield database_url
        return
    with running(directory) as postgres:
        yield postgres.url


def _create_database(home: Home) -> list[str]:
    postgres = EmbeddedPostgres(home.directory)
    if postgres.exists():
        return []
    postgres.create()
    return ["the database"]


def _create_files(home: Home, plan: HomePlan, now: datetime) -> Iterator[str]:
    home.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not home.authorities.exists():
        with _making(home.authorities) as directory:
            create_authorities(directory, plan.environment, now)
        yield "the authorities"
    if not home.credentials.exists():
        subject = Subject(plan.dip_id, DIP_ORGANISATION)
        with _making(home.credentials) as directory:
            write_credentials(directory, load_authorities(home.authorities), subject, now, hosts=plan.hosts)
        yield "the DIP's own certificates"
    if not home.exists():
        _write_closed(home.settings_file, plan.settings_text)
        yield "the settings"


@contextmanager
def _making(directory: Path) -> Iterator[Path]:
    """A closed directory that is there whole or not at all."""
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    yield unfinished
    unfinished.rename(directory)


def check_environment(home: Home, environment: str) -> None:
    """Raise `OtherHome` when the home's certificates name another environment."""
    path = home.authorities / "tls-ca.pem"
    if not path.exists():
        return
    subject = x509.load_pem_x509_certificate(path.read_bytes()).subject
    found = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
    if found != environment:
        raise OtherHome(
            f"{home.directory} is the home of a {found!s} DIP, not of a {environment} one. "
            "An environment has a home of its own: choose another directory."
        )


def _write_closed(path: Path, text: str) -> None:
    # It may come to hold the password of a database.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
