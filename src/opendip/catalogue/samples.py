"""Valid messages of any channel and event code, for demos, tests and benchmarks: plausible, plainly made up.

The same random generator makes the same message. Nothing here reads the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from opendip.catalogue.model import Catalogue, Channel
from opendip.catalogue.sample_values import Sampler, make_dip_id, make_reference, write_time

SENT_AT = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
"""When samples are sent unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """What a sample is to say; whatever is None is made up."""

    sender: str | None = None
    role: str | None = None
    environment: str = "SIT"
    reference: str | None = None
    timestamp: datetime = SENT_AT
    correlation_id: str | None = None
    connection_provider: str | None = None
    mpan: str | None = None
    primary_recipients: Sequence[str] | None = None
    """The message has a block A0 when this is given."""
    days: Sequence[date] = ()
    """The settlement days it is about; the day before it is sent when empty."""
    periods: int = 48
    """Settlement periods in each day."""
    complete: bool = False
    """With every optional block and property, and few nulls; otherwise with the required ones only."""
    values: Mapping[str, Any] | None = None
    """More to set: a property's name (wherever it stands) or dotted path below the payload, to its value."""


def make_message(
    channel: Channel, event_code: str, catalogue: Catalogue, random: Random, **options: Any
) -> dict[str, Any]:
    """A valid message, `{"payload": {...}}`; the options are those of `SampleOptions`.

    Raises `KeyError` for an event code the channel does not have, or `values` that name nothing in it.
    """
    wishes = _settle(SampleOptions(**options), channel, random)
    sampler = Sampler(catalogue, random, wishes.timestamp, wishes.days, wishes.periods, wishes.complete)
    payload = sampler.make_record(channel.get_variant(event_code).payload)
    common = payload["CommonBlock"]
    common["S0"]["eventCode"] = f"[{event_code}]"
    common["S1"] = _make_sender_block(wishes)
    if wishes.primary_recipients is not None:
        common["A0"] = {
            "primaryRecipients": [*wishes.primary_recipients],
            "secondaryRecipients": [],
            "always": [],
        }
    changes = {"issuingDataServiceDIPID": wishes.sender} | (
        {} if wishes.mpan is None else _name_mpan(common, wishes.mpan)
    )
    for name, value in changes.items():
        _set_everywhere(payload, name, value)
    for name, value in (wishes.values or {}).items():
        set_value(payload, name, value)
    return {"payload": payload}


def _settle(options: SampleOptions, channel: Channel, random: Random) -> SampleOptions:
    """The options with what the sender block needs filled in."""
    # A role of S1 has three characters at least, so the grouping role CS cannot send.
    role = options.role or next(iter(sorted(role for role in channel.senders if len(role) > 2)), "SUP")
    sender = options.sender or make_dip_id(random)
    reference = options.reference or make_reference(channel.id, sender, role, options.timestamp.date(), random)
    days = options.days or (options.timestamp.date() - timedelta(days=1),)
    return replace(options, role=role, sender=sender, reference=reference, days=tuple(days))


def _make_sender_block(options: SampleOptions) -> dict[str, Any]:
    return {
        "environmentTag": options.environment,
        "subText": None,
        "senderUniqueReference": options.reference,
        "senderTimestamp": write_time(options.timestamp),
        "senderDIPID": options.sender,
        "senderRoleID": options.role,
        "senderCorrelationID": options.correlation_id,
        "DIPConnectionProviderID": options.connection_provider,
    }


def _name_mpan(common: Mapping[str, Any], mpan: str) -> dict[str, str]:
    return {"principalMPAN": mpan} if "M1" in common else {"MPANCore": mpan}


def set_value(payload: dict[str, Any], name: str, value: Any) -> None:
    """Set a property by name, wherever it stands, or by dotted path below the payload (`B920List.0.MQID`).

    Raises `KeyError` when there is no such place.
    """
    *path, last = name.split(".")
    if not path:
        if not _set_everywhere(payload, name, value):
            raise KeyError(f"the message has no property {name}")
        return
    holder: Any = payload
    for step in path:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    holder[int(last) if isinstance(holder, list) else last] = value


def _set_everywhere(node: Any, name: str, value: Any) -> bool:
    holders = [holder for holder in _list_records(node) if name in holder]
    for holder in holders:
        holder[name] = value
    return bool(holders)


def _list_records(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _list_records(child)
