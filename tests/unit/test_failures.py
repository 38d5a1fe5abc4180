import asyncpg
import pytest

from opendip.catalogue import MalformedRelease
from opendip.cli import main
from opendip.cli.failures import explain
from opendip.client.credentials import UnusableCredentials
from opendip.domain.problems import Problem


@pytest.mark.parametrize("kind", [Problem, UnusableCredentials, MalformedRelease])
def test_errors_of_ours_speak_for_themselves(kind: type[Exception]) -> None:
    assert explain(kind("Do this.")) == "Do this."


def test_a_fault_of_ours_says_so_and_quotes_nothing() -> None:
    said = explain(KeyError("2000056535971"))

    assert "a fault of dip itself (KeyError)" in said
    assert "2000056535971" not in said


def test_what_the_database_says_of_a_row_is_not_repeated() -> None:
    said = explain(asyncpg.UniqueViolationError("Key (mpan)=(2000056535971) already exists."))

    assert "UniqueViolationError" in said
    assert "2000056535971" not in said


def test_a_missing_file_is_named() -> None:
    assert explain(FileNotFoundError(2, "No such file or directory", "here.pem")) == (
        "No such file or directory: here.pem"
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["market", "apply", "--help"], 0),
        (["nonsense"], 2),
        (["market", "apply"], 2),
        (["certificates", "revoke"], 2),
        (["certificates", "revoke", "12"], 2),
        (["settings", "--reference"], 0),
    ],
)
def test_exit_codes_tell_done_from_misused(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == code
    assert "Traceback" not in "".join(capsys.readouterr())


def test_what_is_quoted_in_an_error_cannot_command_a_terminal() -> None:
    said = explain(Problem("There is no role \x1b[2J\x9b31m\u202ePUS\u2066.\nKnown: SUP."))

    assert said == "There is no role ?[2J?31m?PUS?.\nKnown: SUP."
    assert explain(FileNotFoundError(2, "No such file", "a\x1bb")) == "No such file: a?b"


def test_an_argument_with_control_characters_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["channel", "set", "IF-\x1b[2J", "--retry-\u202ebase", "1s"])

    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "IF-?[2J" in said
    assert not {"\x1b", "\u202e"} & set(said)
