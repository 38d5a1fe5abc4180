"""The channels as accepting needs them, made of the catalogue once, at start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Raw

from opendip.catalogue import Catalogue, Channel, compile_channel
from opendip.catalogue.faults import list_faults

_LARGEST = 2**20
"""Bytes. Listing the faults of a larger message would hold up other calls."""


class Decoder(Protocol):
    """Decodes and validates one message; raises msgspec.DecodeError."""

    def decode(self, raw: Raw) -> Any: ...


@dataclass(frozen=True, slots=True)
class AcceptingChannel:
    """A channel with its compiled schema and the event codes that begin or continue a workflow (E2E 4.2.3.3)."""

    id: str
    senders: frozenset[str]
    creators: frozenset[str]
    copiers: frozenset[str]
    decoder: Decoder
    list_faults: Callable[[Raw], Sequence[str]]


def prepare_channels(catalogue: Catalogue) -> Mapping[str, AcceptingChannel]:
    return {channel.id: _prepare(channel, catalogue) for channel in catalogue.channels.values()}


def _prepare(channel: Channel, catalogue: Catalogue) -> AcceptingChannel:
    def describe(raw: Raw) -> Sequence[str]:
        if memoryview(raw).nbytes > _LARGEST:
            return [f"it does not match its schema, and is too large (over {_LARGEST} bytes) to be looked at closely"]
        faults = list_faults(channel, catalogue, raw, limit=5)
        return [f"{fault.path}: {fault.expected}" for fault in faults] or ["it does not match its schema"]

    return AcceptingChannel(
        id=channel.id,
        senders=channel.senders,
        creators=frozenset(e for e in channel.event_codes if channel.get_correlation(e) == "CREATE"),
        copiers=frozenset(e for e in channel.event_codes if channel.get_correlation(e) == "COPY"),
        decoder=compile_channel(channel, catalogue),
        list_faults=describe,
    )
