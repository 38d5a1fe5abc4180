"""An environment to test against: its authorities, the DIP's credentials and two participants'."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from opendip.client.certificates import Subject
from opendip.client.credentials import Credentials
from opendip.operations.authority import Authorities, create_authorities, write_credentials

from .fake_dip import FakeDip
from .subjects import AGENT, DIP, LOOPBACK, NOW, SUPPLIER


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environment")


@pytest.fixture(scope="session")
def authorities(environment: Path) -> Authorities:
    return create_authorities(environment / "ca", "DEV", NOW)


@pytest.fixture(scope="session")
def other_authorities(environment: Path) -> Authorities:
    """Another environment's authorities, of the same name: only their keys tell them apart."""
    return create_authorities(environment / "other-ca", "DEV", NOW)


def make_directory(environment: Path, authorities: Authorities, subject: Subject, name: str) -> Path:
    directory = environment / name
    write_credentials(directory, authorities, subject, NOW, hosts=LOOPBACK, api_key=f"key-of-{name}")
    return directory


@pytest.fixture(scope="session")
def dip_directory(environment: Path, authorities: Authorities) -> Path:
    return make_directory(environment, authorities, DIP, "dip")


@pytest.fixture(scope="session")
def supplier_directory(environment: Path, authorities: Authorities) -> Path:
    return make_directory(environment, authorities, SUPPLIER, "supplier")


@pytest.fixture(scope="session")
def agent_directory(environment: Path, authorities: Authorities) -> Path:
    return make_directory(environment, authorities, AGENT, "agent")


@pytest.fixture(scope="session")
def stranger_directory(environment: Path, other_authorities: Authorities) -> Path:
    """Credentials in the supplier's name, from another environment."""
    return make_directory(environment, other_authorities, SUPPLIER, "stranger")


@pytest_asyncio.fixture
async def fake_dip(dip_directory: Path) -> AsyncIterator[FakeDip]:
    dip = FakeDip(Credentials.load(dip_directory))
    runner = await dip.start()
    yield dip
    await runner.cleanup()
