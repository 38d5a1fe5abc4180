"""The settings as people read them: those in force, a new settings file, and `docs/settings.md`."""

from collections.abc import Mapping
from dataclasses import Field
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from opendip.settings import Settings, list_fields, to_toml

_FILE_HEAD = "# Settings of this DIP. Lines with # are defaults; DIP_<NAME> in the environment wins over this file."
_REFERENCE_HEAD = """# Settings

Generated from `opendip/settings.py`; `dip settings` prints those in force and where each comes from.
Each is a line of `settings.toml` in the home, or `DIP_` and its name in capitals in the environment,
which wins. `DIP_HOME` names the home, as `--home` does.

| setting | default | what it is for |
|---|---|---|
"""


class DescribedSetting(NamedTuple):
    """One setting as people read it; a secret within its value is not shown."""

    name: str
    value: str
    source: str
    doc: str


def describe(settings: Settings) -> list[DescribedSetting]:
    """Every setting with its value and where it comes from."""
    return [
        DescribedSetting(
            each.name,
            _show(each, getattr(settings, each.name)),
            settings.sources.get(each.name, "default"),
            each.metadata["doc"],
        )
        for each in list_fields()
    ]


def write_file(chosen: Mapping[str, Any]) -> str:
    """The text of a new `settings.toml`: what was chosen, and every default as a comment."""
    lines = [_FILE_HEAD]
    for each in list_fields():
        value = chosen.get(each.name, each.default)
        mark = "" if each.name in chosen else "# "
        lines += ["", f"# {each.metadata['doc'].replace('`', '')}", f"{mark}{each.name} = {to_toml(value)}"]
    return "\n".join([*lines, ""])


def write_reference() -> str:
    """The text of `docs/settings.md`."""
    rows = [f"| `{each.name}` | `{to_toml(each.default)}` | {each.metadata['doc']} |" for each in list_fields()]
    return _REFERENCE_HEAD + "\n".join([*rows, ""])


def _show(each: Field[Any], value: Any) -> str:
    return to_toml(_without_password(value) if each.metadata["is_secret"] else value)


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(hidden)"
    account, _, place = parts.netloc.rpartition("@")
    user = f"{account.split(':', 1)[0]}:***@" if ":" in account else ""
    # A query may hold a password too.
    return urlunsplit((parts.scheme, user + place, parts.path, "***" if parts.query else "", ""))
