"""What is in the tree is fit to be in everybody's: no module too long, no address of a machine or a registry in it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 300
OWN = Path(__file__).relative_to(ROOT)
# Put together here, so that this page is not found by its own search.
FOREIGN = {
    "a package index to install from": re.compile(
        "--(?:extra-)?index" + "-url|registry" + r"\.|://(?:files|pkg)" + r"\."
    ),
    "a path of some machine": re.compile(r"(?<![\w.])/(?:root|home/[a-z]+)" + "/"),
    "a private key": re.compile("-----BEGIN (?:RSA |EC )?" + "PRIVATE KEY-----\n"),
}


def list_files() -> list[Path]:
    """What is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git work tree")
    return [Path(line) for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    modules = [path for path in list_files() if path.suffix == ".py" and path.parts[0] == "src"]
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in modules}
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_every_module_says_what_lives_in_it() -> None:
    modules = [path for path in list_files() if path.suffix == ".py" and path.parts[0] == "src"]
    silent = [str(path) for path in modules if (text := (ROOT / path).read_text()) and not text.startswith('"""')]
    assert silent == []


@pytest.mark.parametrize("kind", FOREIGN)
def test_nothing_in_the_tree_names(kind: str) -> None:
    found = [
        f"{path}: {match.group()}"
        for path in list_files()
        if path != OWN and (match := FOREIGN[kind].search((ROOT / path).read_text("utf-8", "replace")))
    ]
    assert found == []
