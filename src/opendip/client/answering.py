"""A recipient's answers: one entry a message, taken or refused; or one for a call refused whole."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from .batches import ReceivedBatch, ReceivedStatuses
from .types import RECEIVED, Header, ResponseEntry, StandardResponse, encode, format_timestamp

Refusals = Mapping[str, str]
"""Transaction id to why that message is refused: a response code and its text, `REG1020 - ...`."""

_MAX_MESSAGE = 200
_MAX_HELP = 500


class WireAnswer(NamedTuple):
    """An answer ready to be sent."""

    status: int
    body: bytes


def answer_batch(batch: ReceivedBatch, refusals: Refusals, recipient_id: str, now: datetime) -> WireAnswer:
    """201 when every message was taken, 207 when any was refused (E2E 4.6.6.1)."""
    at = format_timestamp(now)
    entries = [_make_entry(header, recipient_id, at) for header in batch.headers]
    if refusals:
        for entry in entries:
            _refuse(entry, refusals)
    status = 201 if all(entry.message is RECEIVED for entry in entries) else 207
    return WireAnswer(status, encode(StandardResponse(entries, at)))


def answer_statuses(statuses: ReceivedStatuses, recipient_id: str, now: datetime) -> WireAnswer:
    """201, each status message acknowledged to the DIP it came through."""
    at = format_timestamp(now)
    entries = [
        ResponseEntry(
            entry.transactionID,
            entry.senderUniqueReference,
            entry.correlationID,
            at,
            recipient_id,
            entry.senderID,
            entry.DIPConnectionProviderID,
            RECEIVED,
        )
        for entry in statuses.entries
    ]
    return WireAnswer(201, encode(StandardResponse(entries, at)))


def refuse_call(message: str, explanation: str, recipient_id: str, dip_id: str, now: datetime) -> WireAnswer:
    """400 for a call refused whole, before any message of it was looked at: no transaction id is quoted."""
    at = format_timestamp(now)
    entry = ResponseEntry(None, None, None, at, recipient_id, dip_id, None, message, explanation[:_MAX_HELP] or None)
    return WireAnswer(400, encode(StandardResponse([entry], at)))


def _make_entry(header: Header, recipient_id: str, at: str) -> ResponseEntry:
    common = header.payload.CommonBlock
    sender, added = common.S1, common.D0
    return ResponseEntry(
        added.transactionID,
        sender.senderUniqueReference,
        added.initialCorrelationID,
        at,
        recipient_id,
        sender.senderDIPID,
        sender.DIPConnectionProviderID,
        RECEIVED,
    )


def _refuse(entry: ResponseEntry, refusals: Refusals) -> None:
    text = refusals.get(entry.transactionID or "")
    if text is not None:
        entry.message = text[:_MAX_MESSAGE]
        entry.help = text[:_MAX_HELP] if len(text) > _MAX_MESSAGE else None
