"""Every response code that this code can produce is one of the catalogue's, and some test has it produced."""

import re
from pathlib import Path

import pytest

from opendip import catalogue

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"\b(?:MSG|RCP)[0-9]{4}\b")
TESTS = ("tests/journeys", "tests/unit/domain", "tests/unit/stages", "tests/unit/client")


def read(*places: str) -> str:
    files = (file for place in places for file in sorted((ROOT / place).rglob("*.py")))
    return "\n".join(file.read_text() for file in files)


def list_produced() -> list[str]:
    """Those the server and the receiver of the client name; a docstring's mention counts too."""
    places = [f"src/opendip/{name}" for name in ("api", "client", "domain", "stages")]
    return sorted(set(CODE.findall(read(*places))))


@pytest.mark.parametrize("code", list_produced())
def test_it_is_in_the_catalogue(code: str) -> None:
    assert code in catalogue.load().response_codes


@pytest.mark.parametrize("code", list_produced())
def test_a_test_names_it(code: str) -> None:
    assert code in read(*TESTS)


def test_the_codes_of_the_specification_that_a_dip_gives_are_all_known() -> None:
    """All MSG codes but the two that no market can bring about: always-recipients come from the market itself."""
    wanted = {code for code in catalogue.load().response_codes if code.startswith("MSG")}
    assert wanted - set(list_produced()) == {"MSG1035", "MSG1036"}
