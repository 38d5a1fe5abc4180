"""`dip serve` as a process of its own: started, waited for, stopped by its id."""

import asyncio
import os
import sys
from asyncio.subprocess import STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from opendip.domain.problems import Problem
from opendip.store.embedded import EmbeddedPostgres

_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 90
_LOG_LINES_SHOWN = 15


class DipDidNotStart(Problem):
    """`dip serve` ended or took too long before it listened."""


@asynccontextmanager
async def serve(home: Path, port: int, log: Path) -> AsyncIterator[Process]:
    """The DIP of that home, listening on the port; stopped at the end, whatever happens."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "opendip", "serve", "--home", str(home)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=STDOUT,
            env=_make_environment(),
            # Ctrl-C in the terminal is for the demo, which then stops the DIP in good order.
            start_new_session=True,
        )
    try:
        await _wait_until_ready(process, port, log)
        yield process
    finally:
        await asyncio.shield(_stop(process, home))


def _make_environment() -> dict[str, str]:
    """Without DIP_* variables: the demo's DIP is its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIP_")}


async def _wait_until_ready(process: Process, port: int, log: Path) -> None:
    for _ in range(_SECONDS_TO_START * 10):
        if process.returncode is not None:
            raise DipDidNotStart(f"dip serve ended with {process.returncode}.\n{read_end(log)}")
        if await _is_listening(port):
            return
        await asyncio.sleep(0.1)
    raise DipDidNotStart(f"dip serve did not listen within {_SECONDS_TO_START} seconds.\n{read_end(log)}")


async def _is_listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _stop(process: Process, home: Path) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _SECONDS_TO_STOP)
        except TimeoutError:
            process.kill()
            await process.wait()
    database = EmbeddedPostgres(home)
    # A DIP that was killed could not stop its database itself.
    if database.is_running():
        database.stop()


def read_end(log: Path) -> str:
    """The last lines of a DIP's log, with a line that says so."""
    lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    return "\n".join(["The end of its log:", *lines])
