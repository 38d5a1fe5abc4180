"""Options that several commands have."""

import os
from pathlib import Path
from typing import Annotated

import typer

from opendip.domain.homes import get_home
from opendip.settings import Settings, load_settings

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="DIP_HOME", file_okay=False, help="The directory that holds the DIP (see dip init)."),
]
DEFAULT_HOME = Path("home")


def load_home_settings(home: Path) -> Settings:
    """The settings of a home that must be there."""
    return load_settings(get_home(home).directory, os.environ)
