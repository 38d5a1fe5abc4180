from pathlib import Path

import pytest

from opendip.settings import Settings, UnusableSetting, list_fields, load_settings
from opendip.settings_text import describe, write_file


def load(home: Path, text: str = "", **environ: str) -> Settings:
    (home / "settings.toml").write_text(text)
    return load_settings(home, environ)


def test_a_home_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})

    assert (settings.home, settings.api_port, settings.sources) == (tmp_path.resolve(), 8443, {})


def test_the_file_wins_over_the_default_and_the_environment_over_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "api_port = 9000\nmax_messages = 10\n", DIP_API_PORT="9001")

    assert (settings.api_port, settings.max_messages) == (9001, 10)
    assert settings.sources == {
        "api_port": "DIP_API_PORT",
        "max_messages": str(tmp_path.resolve() / "settings.toml"),
    }


def test_the_environment_gives_every_type(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        DIP_ALLOW_PRIVATE_WEBHOOKS="yes",
        DIP_RETRY_BASE_SECONDS="0.5",
        DIP_PUBLIC_URL="https://dip.example.org",
        DIP_PUBLIC_URL_ALIASES="https://a.example.org, https://b.example.org/",
    )

    assert settings.allow_private_webhooks
    assert settings.retry_base_seconds == 0.5
    assert settings.public_urls == (
        "https://dip.example.org",
        "https://a.example.org",
        "https://b.example.org",
    )


def test_without_a_public_url_the_machine_itself_is_called(tmp_path: Path) -> None:
    assert load(tmp_path, "api_port = 9000").public_urls == (
        "https://localhost:9000",
        "https://127.0.0.1:9000",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("api_prot = 1", "api_port"),
        ("api_port = '8443'", "a whole number of at least 1"),
        ("api_port = true", "a whole number"),
        ("api_port = 70000", "65535"),
        ("allow_private_webhooks = 1", "true or false"),
        ("retry_base_seconds = nan", "a number of at least 0.01"),
        ("public_url_aliases = 'https://a.example.org'", "a list of texts"),
        ("public_url = 'http://dip.example.org'", "https://"),
        ("public_url = 'https://dip.example.org/path'", "without a path"),
        ("environment = 'MOON'", "DEV, UIT, SIT"),
        ("dip_id = '12'", "ten digits"),
        ("api_port = ", "TOML"),
    ],
)
def test_a_fault_in_the_file_is_told_with_what_is_expected(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnusableSetting) as caught:
        load(tmp_path, text)

    assert words in str(caught.value)


def test_a_slip_in_the_name_of_a_variable_is_told_and_a_strange_one_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UnusableSetting, match="Did you mean DIP_DATABASE_URL"):
        load(tmp_path, DIP_DATABSE_URL="postgresql://db/dip")

    assert load(tmp_path, DIP_HOME="/srv/dip", DIP_SWITCHES="on").sources == {}


def test_a_new_file_reads_back_as_what_was_chosen(tmp_path: Path) -> None:
    settings = load(tmp_path, write_file({"environment": "UIT", "public_url": "https://dip.example.org"}))

    assert (settings.environment, settings.public_url) == ("UIT", "https://dip.example.org")
    assert set(settings.sources) == {"environment", "public_url"}


def test_every_commented_line_of_a_new_file_is_its_default(tmp_path: Path) -> None:
    lines = write_file({}).splitlines()
    assignments = [line.removeprefix("# ") for line in lines if line.startswith("# ") and " = " in line]

    settings = load(tmp_path, "\n".join(assignments))

    assert settings == load(tmp_path)
    assert len(settings.sources) == len(list_fields())


def test_the_password_of_the_database_is_shown_nowhere(tmp_path: Path) -> None:
    url = "postgresql://dip:very-secret@db.example.org/dip?password=also-secret"
    settings = load(tmp_path, DIP_DATABASE_URL=url)

    shown = "\n".join(map(str, describe(settings))) + repr(settings)

    assert "secret" not in shown.replace("dip:secret@db/dip", "")
    assert "db.example.org" in shown
