"""What is printed, whoever wrote it: no control characters in tables, records and sentences."""

import re
import shutil
import sys
from collections.abc import Mapping

import typer
from rich.table import Table
from rich.text import Text

from opendip.domain.plain_text import make_plain, make_plain_lines

_NARROWEST = 60
_PIPED_WIDTH = 200
_MPAN = re.compile(r"(?<!\d)\d{13}(?!\d)", re.ASCII)


def clean(text: str) -> str:
    """For what recipients write as they like, into their answers: without MPANs either."""
    return make_plain(_MPAN.sub("(an MPAN)", text))


def get_width() -> int:
    """Of the terminal; where there is none, lines are wide, for what reads them."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else _PIPED_WIDTH


def say(text: str) -> None:
    typer.echo(make_plain_lines(text))


def add_row(table: Table, *cells: str) -> None:
    """Square brackets are no markup here."""
    table.add_row(*(Text(make_plain(cell)) for cell in cells))


def clean_record(record: Mapping[str, str | int | None]) -> dict[str, str | int | None]:
    """A line of a CSV file, which is read in a terminal too."""
    return {name: make_plain(value) if isinstance(value, str) else value for name, value in record.items()}
