"""`dip catalogue import`."""

from pathlib import Path
from typing import Annotated

import typer

from opendip.cli.printing import say


def import_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Elexon's OpenAPI files (YAML).")],
    release: Annotated[str, typer.Option(help="The release they make, such as 2.1.0.")],
    into: Annotated[
        Path | None, typer.Option(help="The directory to write; the package's own releases unless said.")
    ] = None,
    routing: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Notes on who sends and receives what (JSON)."),
    ] = None,
) -> None:
    """Make a release of the catalogue from Elexon's published definitions."""
    import opendip.catalogue
    from opendip.catalogue.importing import import_release
    from opendip.catalogue.routing_import import import_routing

    releases = Path(opendip.catalogue.__file__).parent / "releases"
    directory = into or releases / release
    if routing is not None:
        directory.mkdir(parents=True, exist_ok=True)
        import_routing(routing, directory)
    found = import_release(files, release, directory)
    say(
        f"Release {found.release}: {found.channels} channels, {found.event_codes} event codes, "
        f"{found.definitions} definitions, {found.response_codes} response codes, in {found.directory}."
    )
    if found.unrouted:
        say(f"Nobody may send on these until routing.yaml has them: {', '.join(found.unrouted)}.")
