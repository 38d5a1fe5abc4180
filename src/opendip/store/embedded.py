"""A private PostgreSQL that belongs to a home directory: created, started and stopped with the wheel's tools.

It listens on a Unix socket only and asks for a password. One started by `start` outlives whoever started it.
"""

import fcntl
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from opendip.store.postgres_binaries import PostgresUnavailable, can_reach, find_binaries, find_system_user
from opendip.store.postgres_files import (
    PORT,
    SOCKET_NAME,
    find_socket_directory,
    make_closed_directory,
    read_last_words,
    write_secret,
)
from opendip.store.postgres_tuning import inspect_machine, log_settings, tune

DATABASE = "dip"
_SECONDS_TO_START = 600
"""After a crash it reads up to max_wal_size of log first."""
_SECONDS_TO_STOP = 120
_INITDB = (
    "--username=dip",
    "--auth=scram-sha-256",
    "--no-instructions",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


class EmbeddedPostgres:
    """The PostgreSQL of one home: its data in `postgres/`, its password in `postgres.password`."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None) -> None:
        """`settings` win over the tuning for this machine; tests ask for a small server with them."""
        self.home = home.resolve()
        self.data = self.home / "postgres"
        self.password_file = self.home / "postgres.password"
        # Beside the data, not in it: at a start root writes nothing where another user may have put a link.
        self.configuration_file = self.home / "postgres.conf"
        self._settings = dict(settings or {})

    @property
    def url(self) -> str:
        password = self.password_file.read_text().strip()
        host = quote(str(self.socket_directory))
        return f"postgresql://dip:{quote(password, safe='')}@/{DATABASE}?host={host}"

    @property
    def socket_directory(self) -> Path:
        return find_socket_directory(self.home)

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def create(self) -> None:
        """Make the data directory and the password. The home may exist; a database in it may not."""
        user = find_system_user()
        self.home.mkdir(mode=0o711 if user else 0o700, parents=True, exist_ok=True)
        self._check_reach(user)
        with self._one_at_a_time():
            if self.data.exists():
                raise PostgresUnavailable(f"There is a database in {self.data} already.")
            write_secret(self.password_file, secrets.token_urlsafe(32))
            # The data directory gets its name when it is complete, so that one cut short is never taken for it.
            unfinished = EmbeddedPostgres(self.home, self._settings)
            unfinished.data = self.home / "postgres.unfinished"
            shutil.rmtree(unfinished.data, ignore_errors=True)
            make_closed_directory(unfinished.data, user)
            unfinished._initialise(user)
            unfinished.data.rename(self.data)

    def start(self) -> None:
        """Start it, or wait until it is ready when somebody else has; it then runs until `stop`."""
        with self._one_at_a_time() as note:
            if not self._is_listening():
                self._start()
            self._wait_until_ready()
            _write_note(note, "kept")

    def revive(self) -> bool:
        """Start it again if it has ended, under whom it ran before; whether it had."""
        with self._one_at_a_time():
            if self._is_listening():
                return False
            self._start()
            self._wait_until_ready()
            return True

    def stop(self) -> None:
        """Cut off what runs, which is rolled back, and stop; nothing committed is lost."""
        with self._one_at_a_time():
            self._stop()

    def is_running(self) -> bool:
        return self.exists() and self._is_listening()

    def _initialise(self, user: pwd.struct_passwd | None) -> None:
        with tempfile.TemporaryDirectory() as directory:
            password_copy = Path(directory, "password")
            write_secret(password_copy, self.password_file.read_text())
            if user:
                for path in (Path(directory), password_copy):
                    os.chown(path, user.pw_uid, user.pw_gid)
            self._run(["initdb", "--pgdata", str(self.data), "--pwfile", str(password_copy), *_INITDB], user)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude '../{self.configuration_file.name}'\n")
        self._start()
        self._create_database(user)
        self._stop()

    def _create_database(self, user: pwd.struct_passwd | None) -> None:
        arguments = ["--host", str(self.socket_directory), "--username", "dip", "--no-password", DATABASE]
        password = self.password_file.read_text().strip()
        self._run(["createdb", *arguments], user, {"PGPASSWORD": password})

    def _configure(self) -> None:
        # Written at each start, so that a home moved to a larger machine uses it.
        settings = {**tune(inspect_machine()), **log_settings(), **self._settings}
        settings |= {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_directory),
            "unix_socket_permissions": "0700",
        }
        lines = ["{} = '{}'".format(name, value.replace("'", "''")) for name, value in settings.items()]
        head = "# Written by dip at each start. Settings of your own: at the end of postgres/postgresql.conf."
        self.configuration_file.write_text("\n".join([head, *lines, ""]))
        self.configuration_file.chmod(0o644)

    def _start(self) -> None:
        user = find_system_user()
        self._check_reach(user)
        self._configure()
        make_closed_directory(self.socket_directory, user)
        log = self.data / "start.log"
        arguments = ["--pgdata", str(self.data), "--log", str(log), "--timeout", str(_SECONDS_TO_START), "--wait"]
        try:
            self._run(["pg_ctl", "start", "--silent", *arguments], user)
        except PostgresUnavailable as fault:
            raise PostgresUnavailable(f"{fault} Its own words: {read_last_words(log)}") from None

    def _stop(self) -> None:
        if self._has_postmaster():
            arguments = ["--pgdata", str(self.data), "--mode", "fast", "--timeout", str(_SECONDS_TO_STOP), "--wait"]
            self._run(["pg_ctl", "stop", "--silent", *arguments], find_system_user())
        if self.socket_directory.parent != self.home:
            with suppress(OSError):
                self.socket_directory.rmdir()

    def _has_postmaster(self) -> bool:
        """Whether the process of its pid file is there; one that was killed leaves the file behind."""
        try:
            os.kill(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]), 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return False
        except PermissionError:
            return True
        return True

    def _wait_until_ready(self) -> None:
        arguments = ["--host", str(self.socket_directory), "--timeout", str(_SECONDS_TO_START), "--quiet"]
        self._run(["pg_isready", *arguments], find_system_user())

    def _run(
        self,
        command: list[str],
        user: pwd.struct_passwd | None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        program, *arguments = command
        done = subprocess.run(
            [str(find_binaries(user) / program), *arguments],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            # Ctrl-C is for us to act on: PostgreSQL's programs finish what they are at.
            start_new_session=True,
        )
        if done.returncode != 0:
            words = " ".join(done.stderr.split())
            raise PostgresUnavailable(f"PostgreSQL's {program} failed in {self.home}. {words}".strip())

    def _check_reach(self, user: pwd.struct_passwd | None) -> None:
        if user and not can_reach(self.home, user):
            raise PostgresUnavailable(
                f"PostgreSQL cannot run as root, and the user '{user.pw_name}' it runs as cannot reach "
                f"{self.home}: a directory above it is closed to other users. "
                "Choose a home elsewhere, such as /srv/dip."
            )

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_directory / SOCKET_NAME))
            except OSError:
                return False
            return True

    @contextmanager
    def _one_at_a_time(self) -> Iterator[IO[str]]:
        with (self.home / "postgres.lock").open("a+") as note:
            fcntl.flock(note, fcntl.LOCK_EX)
            yield note


@contextmanager
def running(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """The home's PostgreSQL while it is needed: started if nobody has, stopped when the last one here leaves.

    One that was started with `start` stays up. A holder that dies lets go of its lock with its life.
    """
    postgres = EmbeddedPostgres(home, settings)
    if not postgres.exists():
        raise PostgresUnavailable(
            f"There is no database in {home}. If this DIP has a PostgreSQL server of its own, set DIP_DATABASE_URL "
            f"(or database_url in its settings.toml) as for `dip init`. If there is no DIP yet: dip init --home {home}"
        )
    with (postgres.home / "postgres.users").open("a") as users:
        _join(postgres, users)
        try:
            yield postgres
        finally:
            _leave(postgres, users)


def _join(postgres: EmbeddedPostgres, users: IO[str]) -> None:
    with postgres._one_at_a_time() as note:
        if not postgres._is_listening():
            postgres._start()
            _write_note(note, "on demand")
        postgres._wait_until_ready()
        fcntl.flock(users, fcntl.LOCK_SH)


def _leave(postgres: EmbeddedPostgres, users: IO[str]) -> None:
    with postgres._one_at_a_time() as note:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _read_note(note) == "on demand":
            postgres._stop()


def _write_note(note: IO[str], text: str) -> None:
    note.seek(0)
    note.truncate()
    note.write(text)
    note.flush()


def _read_note(note: IO[str]) -> str:
    note.seek(0)
    return note.read()
