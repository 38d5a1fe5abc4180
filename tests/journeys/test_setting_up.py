"""`dip init`, `dip market apply`, `dip settings` and `dip certificates`, as they are typed."""

import csv
import io
import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from opendip.cli import main
from opendip.store.embedded import EmbeddedPostgres, running

MARKET = """
organisations:
  - name: Example Metering Ltd
    participants:
      - dip_id: "1200000015"
        mpid: EXMT
        roles: [MSS]
        webhooks: {messages: "https://127.0.0.1:9443/messages", status: "https://127.0.0.1:9443/status"}
"""

Dip = Callable[..., tuple[int, str]]


@pytest.fixture
def dip(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Dip:
    """Runs a command; answers its exit code and all it said."""
    for name in [name for name in os.environ if name.startswith("DIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        code = left.value.code or 0
        assert isinstance(code, int)
        said = "".join(capsys.readouterr())
        assert "Traceback" not in said
        return code, said

    return run


@pytest.fixture(scope="module")
def home(open_directory: Path) -> Path:
    """A home for a trial on this machine, made by `dip init`."""
    directory = open_directory / "set-up"
    with pytest.raises(SystemExit) as left:
        main(["init", "--home", str(directory)])
    assert not left.value.code
    with (directory / "settings.toml").open("a") as file:
        file.write("\nallow_private_webhooks = true\n")
    return directory


@pytest.fixture
def market(tmp_path: Path) -> Path:
    file = tmp_path / "market.yaml"
    file.write_text(MARKET)
    return file


def test_a_home_holds_all_a_dip_needs_and_keeps_its_secrets(home: Path) -> None:
    written = tomllib.loads((home / "settings.toml").read_text())
    secrets = [*home.glob("*/*.key"), home / "postgres.password", home / "settings.toml"]

    assert written["environment"] == "SIT"
    assert len(secrets) == 6
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert not EmbeddedPostgres(home).is_running()


def test_init_again_changes_nothing_and_says_so(dip: Dip, home: Path) -> None:
    before = {path: path.read_bytes() for path in home.glob("*/*.pem")}

    code, said = dip("init", "--home", home)

    assert (code, "already; nothing was changed" in said) == (0, True)
    assert {path: path.read_bytes() for path in home.glob("*/*.pem")} == before


def test_init_for_another_environment_is_refused(dip: Dip, home: Path) -> None:
    code, said = dip("init", "--home", home, "--environment", "UIT")

    assert code == 1
    assert "is the home of a SIT DIP, not of a UIT one" in said


def test_init_cut_short_is_completed_by_the_next(dip: Dip, home: Path) -> None:
    settings = (home / "settings.toml").read_text()
    (home / "settings.toml").unlink()

    code, said = dip("init", "--home", home)

    assert (code, "Made: the settings." in said) == (0, True)
    (home / "settings.toml").write_text(settings)


def test_an_environment_there_is_not_is_refused_before_anything_is_made(dip: Dip, tmp_path: Path) -> None:
    code, said = dip("init", "--home", tmp_path / "new", "--environment", "MOON")

    assert (code, "DEV, UIT, SIT" in said) == (1, True)
    assert not (tmp_path / "new").exists()


def test_a_market_is_applied_and_applied_again(dip: Dip, home: Path, market: Path, tmp_path: Path) -> None:
    arguments = ("market", "apply", market, "--home", home, "--credentials", tmp_path / "credentials")

    first, second = dip(*arguments), dip(*arguments)

    assert (first[0], second[0]) == (0, 0)
    assert "1200000015 got certificates and an API key" in first[1]
    assert "got certificates" not in second[1]
    assert {path.name for path in (tmp_path / "credentials" / "1200000015").iterdir()} == {
        "tls.pem",
        "tls.key",
        "signing.pem",
        "signing.key",
        "api-key.txt",
        "ca.pem",
    }


def test_a_market_is_applied_while_the_dip_is_up_and_leaves_it_up(
    dip: Dip, home: Path, market: Path, tmp_path: Path
) -> None:
    with running(home) as postgres:
        code, _ = dip("market", "apply", market, "--home", home, "--credentials", tmp_path)

        assert (code, postgres.is_running()) == (0, True)


def test_webhooks_are_listed_paused_resumed_and_woken(dip: Dip, home: Path, market: Path, tmp_path: Path) -> None:
    place = ("--home", home, "--recipient", "1200000015")
    hooks = MARKET.replace("/messages", "/messages?key=secret").replace("webhooks: {", "webhooks: {rate: 5, ")
    market.write_text(hooks)
    with running(home):
        apply = ("market", "apply", market, "--home", home, "--credentials", tmp_path / "credentials")
        dip(*apply)
        code, listed = dip("webhooks", "list", *place)
        assert (code, "taking messages" in listed, "IF-006" in listed, "STATUS" in listed) == (0, True, True, True)
        assert "secret" not in listed

        assert dip("webhooks", "pause", *place, "--channel", "IF-006") == (
            0,
            "Paused for 1200000015: IF-006. What comes for it waits.\n",
        )
        _, applied = dip(*apply)
        assert re.search(r"webhooks\W+(\d+)\W+│\n", applied), "applied again, the webhooks are left as they are"
        _, said = dip("webhooks", "list", *place, "--channel", "IF-006", "--json")
        [paused] = json.loads(said)
        assert paused["paused_at"] is not None
        assert (paused["url"], paused["max_message_rate"]) == ("https://127.0.0.1:9443/messages", 5)
        assert "paused since" in dip("webhooks", "list", *place)[1]

        assert "Tried again now for 1200000015: IF-006" in dip("webhooks", "wake", *place, "--channel", "IF-006")[1]
        assert "paused since" in dip("webhooks", "list", *place)[1]
        assert dip("webhooks", "resume", *place)[0] == 0
        _, said = dip("webhooks", "list", *place, "--csv")
        rows = list(csv.DictReader(io.StringIO(said)))
        assert {(row["paused_at"], row["breaker"], row["waiting"]) for row in rows} == {("", "closed", "0")}

        code, said = dip("webhooks", "wake", "--home", home, "--recipient", "9900000099")
        assert (code, "9900000099 has no webhook at all" in said) == (1, True)


def test_a_faulty_market_file_fails_with_its_lines(dip: Dip, home: Path, market: Path, tmp_path: Path) -> None:
    market.write_text(MARKET.replace("[MSS]", "[MSX]"))

    code, said = dip("market", "apply", market, "--home", home, "--credentials", tmp_path)

    assert code == 1
    assert "line 7" in said
    assert "Did you mean MSS?" in said


def test_rejected_address_lines_are_listed_and_fail_the_command(
    dip: Dip, home: Path, market: Path, tmp_path: Path
) -> None:
    market.write_text(f"{MARKET}address_files: [addresses.csv]\n")
    good = "2000056535971,MSS,1200000015,2024-01-01,\n"
    (tmp_path / "addresses.csv").write_text("mpan,role,dip_id,from,to\n" + good + "x\n" * 30)

    code, said = dip("market", "apply", market, "--home", home, "--credentials", tmp_path)

    assert code == 1
    assert "30 lines were left out" in said
    assert "and 10 more" in said


def test_certificates_are_listed_and_revoked(dip: Dip, home: Path, market: Path, tmp_path: Path) -> None:
    dip("market", "apply", market, "--home", home, "--credentials", tmp_path)

    code, said = dip("certificates", "revoke", "--home", home, "--dip-id", "1200000015")
    _, listed = dip("certificates", "list", "--home", home, "--dip-id", "1200000015")

    assert (code, "Revoked now" in said) == (0, True)
    assert " - " not in listed


def test_settings_are_shown_with_their_sources(dip: Dip, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIP_API_PORT", "9999")

    code, said = dip("settings", "--home", home)

    rows = {line.split()[1]: line for line in said.splitlines() if line.startswith("│")}
    assert code == 0
    assert "9999" in rows["api_port"]
    assert "DIP_API_PORT" in rows["api_port"]
    assert "settings.toml" in rows["environment"]
    assert "default" in rows["max_messages"]


@pytest.mark.parametrize("command", ["settings", "serve", "api", "worker", "clock"])
def test_without_a_home_every_command_says_how_to_make_one(dip: Dip, tmp_path: Path, command: str) -> None:
    code, said = dip(command, "--home", tmp_path)

    assert (code, "dip init --home" in said) == (1, True)


def test_a_database_of_ones_own_is_used_and_none_is_started(
    dip: Dip, fresh_database_url: str, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIP_DATABASE_URL", fresh_database_url)
    monkeypatch.setenv("DIP_ALLOW_PRIVATE_WEBHOOKS", "yes")
    home = tmp_path / "home"

    made = dip("init", "--home", home)
    applied = dip("market", "apply", market, "--home", home, "--credentials", tmp_path / "credentials")

    assert (made[0], applied[0]) == (0, 0)
    assert not (home / "postgres").exists()
