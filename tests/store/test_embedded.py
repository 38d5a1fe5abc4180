import os
import pwd
import stat
from pathlib import Path

import asyncpg
import pytest

from opendip.store.embedded import EmbeddedPostgres, running
from opendip.store.postgres_binaries import PostgresUnavailable, can_reach
from opendip.store.postgres_tuning import Machine, tune
from tests.conftest import SMALL_SERVER


@pytest.fixture(scope="module")
def home(open_directory: Path) -> Path:
    home = open_directory / "embedded"
    EmbeddedPostgres(home, SMALL_SERVER).create()
    return home


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_it_runs_while_it_is_needed_and_stops_after(home: Path) -> None:
    with running(home, SMALL_SERVER) as postgres:
        assert await ask(postgres.url, "select current_database()") == "dip"
        assert postgres.is_running()

    assert not postgres.is_running()


async def test_it_stays_up_until_the_last_who_needs_it_leaves(home: Path) -> None:
    with running(home, SMALL_SERVER) as postgres:
        with running(home, SMALL_SERVER):
            pass
        assert await ask(postgres.url, "select 1") == 1

    assert not postgres.is_running()


async def test_one_that_was_started_to_stay_is_left_up_by_those_who_come_and_go(home: Path) -> None:
    postgres = EmbeddedPostgres(home, SMALL_SERVER)
    postgres.start()
    try:
        with running(home, SMALL_SERVER):
            pass
        assert await ask(postgres.url, "select 1") == 1
    finally:
        postgres.stop()
    assert not postgres.is_running()


async def test_starting_it_twice_and_stopping_it_twice_does_no_harm(home: Path) -> None:
    postgres = EmbeddedPostgres(home, SMALL_SERVER)
    postgres.start()
    postgres.start()
    assert await ask(postgres.url, "select 1") == 1

    postgres.stop()
    postgres.stop()

    assert not postgres.is_running()


async def test_what_was_written_is_there_after_a_restart(home: Path) -> None:
    with running(home, SMALL_SERVER) as postgres:
        await ask(postgres.url, "create table kept as select 42 as answer")

    with running(home, SMALL_SERVER) as postgres:
        assert await ask(postgres.url, "select answer from kept") == 42


async def test_it_asks_for_the_password_that_only_its_owner_can_read(home: Path) -> None:
    with running(home, SMALL_SERVER) as postgres:
        wrong = postgres.url.replace(postgres.password_file.read_text(), "not-the-password")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(wrong, "select 1")

        assert stat.S_IMODE(postgres.password_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(postgres.data.stat().st_mode) == 0o700


async def test_a_home_with_a_long_path_has_its_socket_elsewhere(open_directory: Path) -> None:
    postgres = EmbeddedPostgres(open_directory / ("long" * 30) / "home", SMALL_SERVER)
    postgres.create()

    with running(postgres.home, SMALL_SERVER):
        assert await ask(postgres.url, "select 1") == 1
        assert not postgres.socket_directory.is_relative_to(postgres.home)


async def test_a_creation_cut_short_is_begun_anew(open_directory: Path) -> None:
    postgres = EmbeddedPostgres(open_directory / "o'brien, cut short", SMALL_SERVER)
    (postgres.home / "postgres.unfinished").mkdir(parents=True)
    (postgres.home / "postgres.unfinished" / "PG_VERSION").write_text("18")

    postgres.create()

    with running(postgres.home, SMALL_SERVER):
        assert await ask(postgres.url, "select 1") == 1


def test_a_second_database_in_a_home_is_refused(home: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="already"):
        EmbeddedPostgres(home).create()


def test_a_directory_without_a_database_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="dip init"), running(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL to another user")
def test_a_home_its_user_cannot_reach_is_refused_before_anything_is_made(open_directory: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(PostgresUnavailable, match="cannot reach"):
        EmbeddedPostgres(closed / "home").create()

    assert not (closed / "home" / "postgres").exists()


def test_reach_is_judged_by_every_directory_on_the_way(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    (tmp_path / "inner").mkdir()
    tmp_path.chmod(0o700)

    assert not can_reach(tmp_path / "inner", nobody)
    assert can_reach(Path("/"), nobody)


@pytest.mark.parametrize("gigabytes", [0.25, 1, 24, 512])
def test_no_machine_gets_settings_beyond_its_memory_and_all_keep_what_they_commit(gigabytes: float) -> None:
    settings = tune(Machine(cores=2, memory_bytes=int(gigabytes * 2**30)))

    assert int(settings["shared_buffers"].removesuffix("MB")) <= gigabytes * 1024 / 4
    assert (settings["fsync"], settings["synchronous_commit"], settings["jit"]) == ("on", "on", "off")
