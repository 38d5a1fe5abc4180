"""The language of the market, as data: what is sent on each channel, by whom and to whom."""

from opendip.catalogue.compiling import compile_catalogue, compile_channel, compile_closed, compile_definition
from opendip.catalogue.faults import Fault, list_closed_faults, list_definition_faults, list_faults
from opendip.catalogue.message import Message, MessageDecoder
from opendip.catalogue.model import Catalogue, Channel, Route
from opendip.catalogue.notation import MalformedRelease
from opendip.catalogue.release import list_releases, load, load_from

__all__ = [
    "Catalogue",
    "Channel",
    "Fault",
    "MalformedRelease",
    "Message",
    "MessageDecoder",
    "Route",
    "compile_catalogue",
    "compile_channel",
    "compile_closed",
    "compile_definition",
    "list_closed_faults",
    "list_definition_faults",
    "list_faults",
    "list_releases",
    "load",
    "load_from",
]
