"""The pinned requirements: each with hashes, none with an address, and those of pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = ("runtime", "develop")


def read_names(text: str) -> set[str]:
    """The packages a requirements file asks for, without versions or markers."""
    return {match.lower() for match in re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE)}


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_is_pinned_with_hashes_and_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pins = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)[1:]
    assert [pin for pin in pins if not re.match(r"[\w.-]+==\S+[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", pin)] == []
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("name", LOCKED)
def test_all_that_is_asked_for_is_pinned(name: str) -> None:
    asked = read_names((ROOT / "requirements" / f"{name}.in").read_text())
    assert asked <= read_names((ROOT / "requirements" / f"{name}.txt").read_text())


def test_the_package_depends_on_the_runtime_requirements_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = read_names((ROOT / "requirements/runtime.in").read_text())
    assert read_names("\n".join(project["dependencies"])) == asked
