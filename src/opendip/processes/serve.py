"""`dip serve`: the database, the API, the workers and the clock on one machine, each a process, watched over."""

import asyncio
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from opendip.domain.problems import Problem
from opendip.operations.homes import check_environment, get_home
from opendip.processes.running import configure_log, wait_for
from opendip.settings import Settings, load_settings
from opendip.store.embedded import EmbeddedPostgres, running
from opendip.store.postgres_binaries import PostgresUnavailable

_STOP_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_SETTLED_SECONDS = 60.0
_DATABASE_LOOK_SECONDS = 1.0

log = structlog.get_logger()


class ServedAlready(Problem):
    """Another `dip serve` runs on the home."""


def serve(home: Path) -> None:
    """Serves until SIGTERM or SIGINT, then stops its processes, the database last."""
    settings = load_settings(get_home(home).directory, os.environ)
    check_environment(get_home(home), settings.environment)
    configure_log()
    with _alone(settings.home):
        if settings.database_url:
            asyncio.run(_serve(settings, None))
            return
        with running(settings.home) as postgres:
            asyncio.run(_serve(settings, postgres))


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends."""
    with (home / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServedAlready(
                f"A `dip serve` runs on {home} already. Stop that one first; more workers are more of `dip worker`."
            ) from None
        yield


async def _serve(settings: Settings, postgres: EmbeddedPostgres | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parts = ["api"] * settings.api_processes + ["worker"] * settings.worker_processes + ["clock"]
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(_keep_running(part, settings.home, stop))
        if postgres is not None:
            group.create_task(_keep_database(postgres, stop))


async def _keep_database(postgres: EmbeddedPostgres, stop: asyncio.Event) -> None:
    """Starts the embedded PostgreSQL again when it ends; it recovers all that was committed."""
    while not await wait_for(stop, _DATABASE_LOOK_SECONDS):
        try:
            if not postgres.is_running() and await asyncio.to_thread(postgres.revive):
                log.error("database_restarted")
        except PostgresUnavailable as error:
            log.error("database_not_restarted", reason=str(error))


async def _keep_running(part: str, home: Path, stop: asyncio.Event) -> None:
    """Starts a process again whenever it ends, ever more slowly while it ends soon."""
    pause = _FIRST_PAUSE_SECONDS
    while not stop.is_set():
        began = asyncio.get_running_loop().time()
        code = await _run_once(part, home, stop)
        if stop.is_set():
            return
        has_settled = asyncio.get_running_loop().time() - began > _SETTLED_SECONDS
        pause = _FIRST_PAUSE_SECONDS if has_settled else min(2 * pause, _LONGEST_PAUSE_SECONDS)
        log.error("process_ended", process=part, exit_code=code, again_in_seconds=pause)
        await wait_for(stop, pause)


def _end_with_parent() -> None:
    """Has the kernel end the new process in good order when `serve` itself is killed (Linux; elsewhere it lives on)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _run_once(part: str, home: Path, stop: asyncio.Event) -> int | None:
    # A group of its own: Ctrl-C reaches `serve` alone, which stops the others in good order.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "opendip", part, "--home", str(home), start_new_session=True, preexec_fn=_end_with_parent
    )
    ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ended.done():
        process.terminate()
        await asyncio.wait({ended}, timeout=_STOP_SECONDS)
    if not ended.done():
        log.error("process_killed", process=part, reason=f"it did not stop within {_STOP_SECONDS:g} seconds")
        process.kill()
    return await ended
