"""The embedded PostgreSQL's files beside its data: its socket, its password, its log."""

import hashlib
import os
import pwd
import stat
from pathlib import Path

from opendip.store.postgres_binaries import PostgresUnavailable

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET_PATH = 107


def find_socket_directory(home: Path) -> Path:
    """In the home, or where that path is too long for a socket, in a directory named after the home."""
    inside = home / "socket"
    length = len(os.fsencode(inside / f"{SOCKET_NAME}.lock"))
    # PostgreSQL takes a comma for the end of one directory's name.
    if length <= _LONGEST_SOCKET_PATH and "," not in str(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp", f"opendip-{digest}")  # noqa: S108 - whose it is is checked before it is used.


def write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def make_closed_directory(path: Path, user: pwd.struct_passwd | None) -> None:
    """A directory only PostgreSQL's user may enter; one that belongs to somebody else is not trusted."""
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    wanted = user.pw_uid if user else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (wanted, os.geteuid()):
        raise PostgresUnavailable(f"{path} belongs to another user. Remove it, or choose another home.")
    if user and status.st_uid != user.pw_uid:
        os.chown(path, user.pw_uid, user.pw_gid)


def read_last_words(log: Path) -> str:
    try:
        return " ".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return f"none; see {log}"
