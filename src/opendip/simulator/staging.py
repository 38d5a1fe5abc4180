"""Everything a simulated day needs, made from nothing: a home, a market applied to it, credentials for everybody."""

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from opendip.domain.problems import Problem
from opendip.operations.homes import HomePlan, create_home
from opendip.operations.markets import apply_market_to_home
from opendip.simulator.market import MeteringPoint, Player
from opendip.simulator.market_file import write_market

ENVIRONMENT = "SIT"
_DIP_ID = "0000000000"
_HOSTS = ("localhost", "127.0.0.1")


class NotEmpty(Problem):
    """The demo begins from nothing, and there is something."""


class Unacceptable(Problem):
    """The demo's own market was not applied whole."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is."""

    directory: Path
    api_port: int
    ports: Mapping[str, int]
    """DIP id to the port of its webhooks."""

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def credentials(self) -> Path:
        return self.directory / "credentials"

    @property
    def log(self) -> Path:
        return self.directory / "dip.log"

    @property
    def api_url(self) -> str:
        return f"https://127.0.0.1:{self.api_port}"

    def get_url(self, dip_id: str) -> str:
        return f"https://127.0.0.1:{self.ports[dip_id]}"


@contextmanager
def open_directory(given: Path | None, *, keep: bool) -> Iterator[Path]:
    """The directory given, which must be new or empty; or a temporary one that goes at the end unless kept."""
    if given is not None:
        if given.exists() and any(given.iterdir()):
            raise NotEmpty(f"{given} is not empty. The demo begins from nothing: name a new directory.")
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    directory = Path(tempfile.mkdtemp(prefix="opendip-demo-"))
    # Run by root, PostgreSQL is another user, who has to come through here to its data.
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        if not keep:
            shutil.rmtree(directory)


def set_stage(directory: Path, players: Sequence[Player]) -> Stage:
    """Choose a free port for everybody."""
    api_port, *ports = _find_free_ports(1 + len(players))
    return Stage(directory, api_port, {p.dip_id: port for p, port in zip(players, ports, strict=True)})


async def make_home(stage: Stage, now: datetime) -> None:
    """As `dip init` does, for a DIP whose participants are on the same machine."""
    settings = (
        f'environment = "{ENVIRONMENT}"\n'
        f"api_port = {stage.api_port}\n"
        "# The participants' webhooks are on this machine.\n"
        "allow_private_webhooks = true\n"
    )
    await create_home(stage.home, HomePlan(ENVIRONMENT, _DIP_ID, _HOSTS, settings), now)


async def make_market(stage: Stage, players: Sequence[Player], points: Sequence[MeteringPoint], now: datetime) -> None:
    """As `dip market apply` does with the files it writes first."""
    urls = {player.dip_id: stage.get_url(player.dip_id) for player in players}
    file = write_market(stage.directory, players, points, urls)
    applied = await apply_market_to_home(stage.home, file, stage.credentials, now, allow_private_webhooks=True)
    if applied.rejected:
        raise Unacceptable(f"{file} was applied, but for {applied.rejected[0].count} addresses.")


def _find_free_ports(count: int) -> list[int]:
    """Ports nobody listens on now; all are held until all are found, so they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
