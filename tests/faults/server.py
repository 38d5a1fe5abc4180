"""The processes of a PostgreSQL server, as what is done to them needs them (Linux)."""

import os
import resource
from contextlib import suppress
from pathlib import Path

from opendip.store.embedded import EmbeddedPostgres
from opendip.store.postgres_binaries import find_system_user

UNLIMITED = resource.RLIM_INFINITY


def list_children(postgres: EmbeddedPostgres) -> list[int]:
    """All processes of the server but the first."""
    postmaster = find_postmaster(postgres)
    try:
        return [int(n) for n in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]
    except OSError:
        return []


def find_postmaster(postgres: EmbeddedPostgres) -> int | None:
    try:
        return int((postgres.data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, IndexError, ValueError):
        return None


def limit_files(postgres: EmbeddedPostgres, most_bytes: int) -> None:
    """No file of the server can grow beyond that size; every write that would make it fails, as on a full disk."""
    postmaster = find_postmaster(postgres)
    # The first process before the others, so that none is started in between without the limit.
    _limit([postmaster] if postmaster else [], most_bytes)
    _limit(list_children(postgres), most_bytes)


def _limit(processes: list[int], most_bytes: int) -> None:
    """As the user they run as: even root may not be allowed to do it to others."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        user = find_system_user()
        if user:
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        for process in processes:
            with suppress(OSError):
                hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(process, resource.RLIMIT_FSIZE, (most_bytes, hard))
    finally:
        os._exit(0)
