"""The processes of a DIP as an operator starts them: `python -m opendip api --home …`, killed and started again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from opendip.store.embedded import EmbeddedPostgres
from tests.journeys.waiting import eventually

_READY = {"api": "api_ready", "worker": "worker_ready", "clock": "clock_active"}


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def has_process(number: int) -> bool:
    return Path(f"/proc/{number}").exists()


async def end_database(postgres: EmbeddedPostgres, number: signal.Signals = signal.SIGQUIT) -> None:
    """Its processes end at once, in mid-transaction; it recovers from its log when it is started."""
    postmaster = int((postgres.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, number)
    await eventually(lambda: not has_process(postmaster), "the database has ended")


class DipProcess:
    """One process of a DIP, its log in a file."""

    def __init__(
        self,
        part: str,
        home: Path,
        log: Path,
        settings: Mapping[str, object] | None = None,
        program: Sequence[str] = ("-m", "opendip"),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.part = part
        self.log = log
        self._home = home
        self._program = program
        self._environ = dict(environ or {})
        self.settings = {f"DIP_{name.upper()}": str(value) for name, value in (settings or {}).items()}
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIP_")}
        command = [sys.executable, *self._program, self.part, "--home", str(self._home)]
        self._begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**environ, **self.settings, **self._environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def wait_until_ready(self) -> None:
        await eventually(self._is_ready, f"the {self.part} is ready; its log: {self.log}")

    async def start(self) -> None:
        self.launch()
        await self.wait_until_ready()

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the {self.part} ended: {self.read_log()[-2000:]}"
        return _READY[self.part] in self.read_log()[self._begin :]

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def read_log(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    async def kill(self) -> None:
        """As a power cut would: nothing is finished, nothing tidied up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        assert process is not None
        if process.poll() is None:
            process.send_signal(number)
        return await asyncio.to_thread(process.wait, 60)
