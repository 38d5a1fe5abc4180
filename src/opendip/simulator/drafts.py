"""A message before it is sent: what a participant has to say, and the bytes made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from opendip.simulator.market import MeteringPoint, Player


@dataclass(frozen=True, slots=True)
class Draft:
    """What one role says about one metering point, on one channel."""

    channel: str
    event_code: str
    role: str
    point: MeteringPoint
    body: Mapping[str, Any]
    named: tuple[str, ...] = ()
    """The primary recipients: whom only the sender knows."""
    correlation_id: str | None = None
    response_code: str | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a message bears besides what it says."""

    reference: str
    sent_at: str
    environment: str
    schema_version: str


def encode_draft(draft: Draft, player: Player, stamp: Stamp) -> bytes:
    """The message as sent, with the blocks its channel asks for."""
    common = {
        "S0": {
            "interfaceID": draft.channel,
            "schemaVersion": stamp.schema_version,
            "eventCode": f"[{draft.event_code}]",
        },
        "S1": {
            "environmentTag": stamp.environment,
            "subText": None,
            "senderUniqueReference": stamp.reference,
            "senderTimestamp": stamp.sent_at,
            "senderDIPID": player.dip_id,
            "senderRoleID": draft.role,
            "senderCorrelationID": draft.correlation_id,
            "DIPConnectionProviderID": player.provider,
        },
        **_list_optional_blocks(draft),
        "M0": {
            "MPANCore": draft.point.mpan,
            "distributorDIPID": draft.point.distributor,
            "GSPGroupID": "_C",
        },
    }
    return msgspec.json.encode({"payload": {"CommonBlock": common, "CustomBlock": draft.body}})


def _list_optional_blocks(draft: Draft) -> dict[str, Any]:
    blocks: dict[str, Any] = {}
    if draft.response_code is not None:
        blocks["R0"] = {"responseCode": draft.response_code, "responseMessages": []}
    if draft.named:
        # E2E 4.4.1: the sender names the primary recipients; the other two lists are the DIP's to fill.
        blocks["A0"] = {"primaryRecipients": draft.named, "secondaryRecipients": [], "always": []}
    return blocks
