"""What the documents say of this repository is so: their links lead somewhere, their commands exist."""

import re
from pathlib import Path

import pytest

from opendip.domain.roles import ROLES
from opendip.store.alarms import AlarmKind

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"```.*?```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", FENCE.sub("", page.read_text()))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_repository_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|requirements)/[\w./-]+)`", page.read_text())
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_every_make_command_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, f"{page.name} names {named - targets}"


def test_decisions_are_numbered_without_gaps_and_all_are_listed() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    listed = (ROOT / "docs/decisions/README.md").read_text()
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert [page.name for page in pages if page.name not in listed] == []


def test_the_glossary_lists_every_role() -> None:
    _, roles = (ROOT / "docs/glossary.md").read_text().split("## Roles")
    assert dict(re.findall(r"^\| ([A-Z]{2,5}) \| (.+) \|$", roles, re.MULTILINE)) == dict(ROLES)


def test_every_kind_of_alarm_has_a_section_that_says_what_to_do() -> None:
    _, alarms = (ROOT / "docs/operate.md").read_text().split("\n## Alarms\n")
    assert set(re.findall(r"^### (\S+)$", alarms.split("\n## ")[0], re.MULTILINE)) == {kind.value for kind in AlarmKind}
