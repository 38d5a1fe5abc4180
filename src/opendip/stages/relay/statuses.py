"""The status messages of a call: decoded, checked, made into what their recipients get and what the caller is answered.

Work goes in steps, so that a call of 50,000 entries does not keep others waiting.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from opendip.domain.outcomes import (
    HELP_LENGTH,
    SCHEMA_FAILURE,
    SUCCESS,
    Fault,
    Refusal,
    ResponseEntry,
    StandardResponse,
    Status,
)
from opendip.domain.references import format_timestamp
from opendip.stages.relay.checks import SenderChecks, find_subject_fault
from opendip.stages.relay.rules import RelayRules
from opendip.stages.relay.schema import StatusMessage, StatusSchema
from opendip.store.pool import Pool
from opendip.store.receipts import find_receipts

_STEP = 250
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class CheckedStatus:
    """One entry after its checks."""

    status: StatusMessage
    fault: Fault | None


def _cut(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[first : first + _STEP] for first in range(0, len(items), _STEP))


async def decode_statuses(raws: Sequence[Raw], schema: StatusSchema) -> list[StatusMessage] | Refusal:
    """One schema failure refuses the whole call, as it does for messages (E2E 4.4.3)."""
    statuses: list[StatusMessage] = []
    for step in _cut(raws):
        for raw in step:
            try:
                statuses.append(schema.decode(raw))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                text = f"Entry {len(statuses) + 1} of {len(raws)}: {'; '.join(schema.list_faults(raw))}"
                return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text)
        await asyncio.sleep(0)
    return statuses


async def check_statuses(pool: Pool, statuses: Sequence[StatusMessage], checks: SenderChecks) -> list[CheckedStatus]:
    """Messages are looked up only for entries that are otherwise in order."""
    faults: list[Fault | None] = []
    for step in _cut(statuses):
        faults += [checks.find_fault(status) for status in step]
        await asyncio.sleep(0)
    wanted = [s.transactionID for s, fault in zip(statuses, faults, strict=True) if fault is None and s.transactionID]
    receipts = await find_receipts(pool, wanted)
    return [
        CheckedStatus(status, fault or find_subject_fault(status, receipts))
        for status, fault in zip(statuses, faults, strict=True)
    ]


async def encode_statuses(checked: Sequence[CheckedStatus], rules: RelayRules) -> dict[str, list[bytes]]:
    """What goes to each recipient, in order. It is written anew: what was checked is what they read."""
    encoded: dict[str, list[bytes]] = {}
    for step in _cut(checked):
        for one in step:
            if one.fault is None:
                assert one.status.recipientID is not None
                encoded.setdefault(one.status.recipientID, []).append(_encode(one.status, rules))
        await asyncio.sleep(0)
    return encoded


def _encode(status: StatusMessage, rules: RelayRules) -> bytes:
    assert status.message is not None
    ticket = status.serviceTicketURL
    if ticket is None or not _is_safe_link(ticket):
        ticket = f"{rules.ticket_url}{status.transactionID}" if rules.ticket_url else None
    entry = ResponseEntry(
        transactionID=status.transactionID,
        senderUniqueReference=status.senderUniqueReference,
        correlationID=status.correlationID,
        sentTimestamp=status.sentTimestamp,
        senderID=status.senderID,
        recipientID=status.recipientID,
        DIPConnectionProviderID=status.DIPConnectionProviderID,
        message=status.message,
        help=status.help,
        serviceTicketURL=ticket,
    )
    return msgspec.json.encode(entry)


def _is_safe_link(url: str) -> bool:
    """People click on it: nothing but https, and nothing that a page could be broken with."""
    if not url.isascii() or not url.isprintable() or any(character in url for character in " \"'<>\\"):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


async def encode_answer(checked: Sequence[CheckedStatus], rules: RelayRules, now: datetime) -> bytes:
    """An entry for each, in the order sent."""
    at = format_timestamp(now)
    entries: list[ResponseEntry] = []
    for step in _cut(checked):
        entries += [_answer_for(one, at, rules) for one in step]
        await asyncio.sleep(0)
    return msgspec.json.encode(StandardResponse(entries, at))


def _answer_for(one: CheckedStatus, at: str, rules: RelayRules) -> ResponseEntry:
    status, fault = one.status, one.fault
    code = SUCCESS if fault is None else fault.code
    return ResponseEntry(
        transactionID=status.transactionID,
        senderUniqueReference=status.senderUniqueReference,
        correlationID=status.correlationID,
        sentTimestamp=at,
        senderID=rules.dip_id,
        recipientID=status.senderID,
        DIPConnectionProviderID=status.DIPConnectionProviderID,
        message=f"{code} - {rules.response_texts[code]}",
        help=None if fault is None else fault.help[:HELP_LENGTH],
        serviceTicketURL=None,
    )
