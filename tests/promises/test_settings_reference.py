from pathlib import Path

from opendip.settings_text import write_reference

REFERENCE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_as_it_is() -> None:
    again = "python -m opendip settings --reference > docs/settings.md"

    assert REFERENCE.read_text("utf-8") == write_reference(), f"write it again: {again}"
