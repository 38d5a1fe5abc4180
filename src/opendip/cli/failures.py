"""What `dip` says when something fails: one message that helps, and never a traceback unless asked for."""

import os
import sys
import traceback

from opendip.domain.plain_text import make_plain_lines
from opendip.domain.problems import Problem

_OWN_WORDS = ("opendip.client", "opendip.catalogue", "opendip.operations")
_TRACEBACK = "DIP_TRACEBACK"


def explain(fault: Exception) -> str:
    """What happened, for people. Errors of ours say it themselves."""
    if os.environ.get(_TRACEBACK):
        print(make_plain_lines("".join(traceback.format_exception(fault))), file=sys.stderr)
    return make_plain_lines(_find_words(fault))


def _find_words(fault: Exception) -> str:
    if isinstance(fault, Problem) or type(fault).__module__.startswith(_OWN_WORDS):
        return str(fault)
    if type(fault).__module__.startswith("asyncpg"):
        # Its own words may quote an MPAN.
        return (
            f"The database refused ({type(fault).__name__}). See that it is up and yours. {_TRACEBACK}=1 shows where."
        )
    if isinstance(fault, ConnectionError | TimeoutError):
        return f"The connection failed ({fault}). See that the other side is up, and the address right."
    if isinstance(fault, OSError):
        return f"{fault.strerror or fault}: {fault.filename}" if fault.filename else str(fault)
    return f"This is a fault of dip itself ({type(fault).__name__}). {_TRACEBACK}=1 shows where; please report it."
