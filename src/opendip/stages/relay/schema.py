"""The form of a status message as it is sent to the DIP: the published one, without room for anything else."""
# ruff: noqa: N815

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Raw

from opendip.catalogue import Catalogue, compile_closed, list_closed_faults

_DEFINITION = "StandardResponseBodyType"
_FAULTS_TOLD = 5
_LARGEST = 100_000
"""Bytes. No entry is so large, however it is written; one that breaks its schema and is, is not looked at closely."""


class StatusMessage(Protocol):
    """A decoded entry; the names are the wire's."""

    transactionID: str | None
    senderUniqueReference: str | None
    correlationID: str | None
    sentTimestamp: str
    senderID: str
    recipientID: str | None
    DIPConnectionProviderID: str | None
    message: str | None
    help: str | None
    serviceTicketURL: str | None


@dataclass(frozen=True, slots=True)
class StatusSchema:
    """Decodes and validates one entry (raises msgspec.DecodeError), or says what is wrong with it."""

    decode: Callable[[Raw], StatusMessage]
    list_faults: Callable[[Raw], Sequence[str]]


def prepare_schema(catalogue: Catalogue) -> StatusSchema:
    """Made once, at start. What is not published cannot be passed on, so it is not taken in silence either."""
    decode: Any = compile_closed(_DEFINITION, catalogue).decode

    def describe(raw: Raw) -> Sequence[str]:
        if memoryview(raw).nbytes > _LARGEST:
            return [f"it is larger than {_LARGEST} bytes"]
        faults = list_closed_faults(_DEFINITION, catalogue, raw, limit=_FAULTS_TOLD)
        return [f"{fault.path}: {fault.expected}" for fault in faults] or ["it does not match its schema"]

    return StatusSchema(decode, describe)
