"""Examples on the pages are whole: each can at least be parsed. Those of the README and of `docs/connect.md` are run
by tests of their own."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(python|sh|yaml|json)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(language, source, id=f"{page.relative_to(ROOT)}-{number}-{language}")
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    for number, (language, source) in enumerate(FENCE.findall(page.read_text()), 1)
]


@pytest.mark.parametrize(("language", "source"), EXAMPLES)
def test_an_example_can_be_parsed(language: str, source: str) -> None:
    match language:
        case "python":
            compile(source, "example", "exec")
        case "sh":
            subprocess.run(["bash", "-n"], input=source.encode(), check=True)
        case "yaml":
            yaml.safe_load(source)
        case _:
            json.loads(source)
