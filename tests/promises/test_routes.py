"""Every route of the participant API is told to participants, and some journey takes it."""

import re
from pathlib import Path

import pytest

from opendip.api.app import PATHS

ROOT = Path(__file__).parents[2]
ROUTES = [(method, path) for path, handlers in PATHS.items() for method in handlers]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_it_is_documented(method: str, path: str) -> None:
    assert f"`{method} {path}`" in (ROOT / "docs" / "connect.md").read_text()


@pytest.mark.parametrize("path", PATHS)
def test_a_journey_takes_it(path: str) -> None:
    fixed = [part for part in path.split("/") if part and not part.startswith("{")]
    journeys = "\n".join(file.read_text() for file in (ROOT / "tests" / "journeys").glob("*.py"))
    assert "/".join(fixed) in journeys or all(re.search(rf'/{part}[/"]', journeys) for part in fixed)
