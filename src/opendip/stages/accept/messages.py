"""The messages of a call: decoded against their schema, checked, turned into what is kept of each.

Work goes in steps of a chunk's size, so that a call of 50,000 messages does not keep others waiting.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from opendip.domain.outcomes import (
    INTERFACE_INVALID,
    REFERENCE_DUPLICATED,
    SCHEMA_FAILURE,
    Fault,
    Refusal,
    Status,
)
from opendip.domain.references import is_reference
from opendip.stages.accept.channels import AcceptingChannel
from opendip.stages.accept.checks import CheckedSender, Checks
from opendip.store.chunks import MESSAGES_IN_A_CHUNK

DIGEST_BYTES = 16


class _S0(msgspec.Struct):
    interfaceID: str | None = None


class _S1(msgspec.Struct):
    senderUniqueReference: str | None = None


class _CommonBlock(msgspec.Struct):
    S0: _S0 = msgspec.field(default_factory=_S0)
    S1: _S1 = msgspec.field(default_factory=_S1)


class _Payload(msgspec.Struct):
    CommonBlock: _CommonBlock


class _Glance(msgspec.Struct):
    """As much of a refused message as helps its sender to recognise it."""

    payload: _Payload


@dataclass(slots=True)
class CheckedMessage:
    """One message after its checks: what is kept of it, or why it is refused."""

    event_code: str
    sender_dip_id: str
    provider: str | None
    reference: str
    reference_date: int
    digest: bytes
    mpan: int | None
    correlation_id: str | None
    creates_correlation: bool
    sender: CheckedSender
    fault: Fault | None = None


@dataclass(slots=True)
class CheckedMessages:
    """All messages of a call, in order."""

    messages: list[CheckedMessage] = field(default_factory=list)

    @property
    def accepted(self) -> list[tuple[int, CheckedMessage]]:
        return [(i, m) for i, m in enumerate(self.messages) if m.fault is None]

    @property
    def refused_indexes(self) -> list[int]:
        return [i for i, m in enumerate(self.messages) if m.fault is not None]


async def check_messages(
    raws: Sequence[Raw],
    channel: AcceptingChannel,
    checks: Checks,
    environment: str,
) -> CheckedMessages | Refusal:
    """Decodes and checks every message; one schema failure refuses the whole call (E2E 4.4.3)."""
    checked = CheckedMessages()
    decode = channel.decoder.decode
    seen: set[bytes] = set()
    for first in range(0, len(raws), MESSAGES_IN_A_CHUNK):
        if first:
            await asyncio.sleep(0)
        for raw in raws[first : first + MESSAGES_IN_A_CHUNK]:
            number = len(checked.messages)
            try:
                common = decode(raw).payload.CommonBlock
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return _refuse_schema(raw, number, len(raws), channel)
            if common.S1.environmentTag != environment:
                return _refuse_environment(common.S1.senderUniqueReference, number, environment)
            checked.messages.append(_check(common, checks, seen, channel.creators))
    return checked


def _check(common: Any, checks: Checks, seen: set[bytes], creators: frozenset[str]) -> CheckedMessage:
    s1 = common.S1
    event_code = common.S0.eventCode.strip("[]")
    sender = checks.get_sender(s1)
    reference = s1.senderUniqueReference
    digest = blake2b(reference.encode(), digest_size=DIGEST_BYTES).digest()
    fault = checks.find_fault(s1, sender, event_code)
    if fault is None:
        # E2E 4.2.3.1: unique within the batch too; the first of two equal ones stands.
        fault = DUPLICATE if digest in seen else None
        seen.add(digest)
    return CheckedMessage(
        event_code,
        s1.senderDIPID,
        s1.DIPConnectionProviderID,
        reference,
        _read_date(reference, sender) if fault is None else 0,
        digest,
        _read_mpan(common),
        s1.senderCorrelationID,
        event_code in creators,
        sender,
        fault,
    )


DUPLICATE = Fault(
    REFERENCE_DUPLICATED,
    "This senderUniqueReference was used before. A message is sent again under a new one.",
)


def _read_date(reference: str, sender: CheckedSender) -> int:
    """The eight digits after the start; the schema's pattern has proved that they are there."""
    start = sender.reference_start
    length = len(start if reference.startswith(start) else sender.reference_start_short)
    return int(reference[length : length + 8])


def _read_mpan(common: Any) -> int | None:
    block = getattr(common, "M0", UNSET)
    if block is not UNSET:
        return int(block.MPANCore)
    block = getattr(common, "M1", UNSET)
    return int(block.principalMPAN) if block is not UNSET else None


def _refuse_schema(raw: Raw, number: int, count: int, channel: AcceptingChannel) -> Refusal:
    glance = _glance(raw)
    place = f"Message {number + 1} of {count}"
    if glance is not None and glance.S0.interfaceID not in (None, channel.id):
        text = f"{place}: interfaceID must be {channel.id}, the channel that was called."
        return Refusal(Status.BAD_REQUEST, INTERFACE_INVALID, text, _find_reference(glance))
    text = f"{place}: {'; '.join(channel.list_faults(raw))}"
    return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text, _find_reference(glance))


def _find_reference(glance: _CommonBlock | None) -> str | None:
    """The sender's own name for the message; one of another form would break the form of the answer."""
    reference = glance.S1.senderUniqueReference if glance is not None else None
    return reference if reference is not None and is_reference(reference) else None


def _glance(raw: Raw) -> _CommonBlock | None:
    try:
        return msgspec.json.decode(raw, type=_Glance).payload.CommonBlock
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _refuse_environment(reference: str, number: int, environment: str) -> Refusal:
    text = f"Message {number + 1}: environmentTag must be {environment}, the environment that was called."
    return Refusal(Status.BAD_REQUEST, SCHEMA_FAILURE, text, reference)
