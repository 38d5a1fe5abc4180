"""`dip openapi`."""

from pathlib import Path
from typing import Annotated

import typer


def openapi(
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file to write; to standard output unless said.")
    ] = None,
    channels: Annotated[
        bool, typer.Option(help="With the schema of every channel's messages; without, with one for all.")
    ] = True,
) -> None:
    """Write the description of the participant API (OpenAPI 3.1)."""
    from opendip.api.description import describe_api, write_description
    from opendip.catalogue import load
    from opendip.processes.api import API_VERSION

    text = write_description(describe_api(load(), API_VERSION, with_channels=channels))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
