"""The research notes on who sends and who receives (a JSON file) made into a release's `routing.yaml`.

The notes keep roles that only a third piece of evidence names apart (`recommendedAdd`); here they join the
lists, and the row's `basis` says so. The file then belongs to whoever runs the DIP, who corrects it by hand.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opendip.catalogue.notation import write_yaml
from opendip.catalogue.routing import Parties, RoutingRow, describe_rows

LISTS = ("primary", "secondary", "always")
KIN = {"UMSO": {"MSA", "MSS"}, "UMSDS": {"ADS", "SDS"}}
"""A role joins an event code's own list only beside roles of its kind: metering services, data services."""

REASONS = {
    "A1": "no MPAN in the message",
    "A2": "central roles always",
    "A3": "roles an MPAN leads to",
    "A4": "parties only the sender knows",
    "event split": "event codes by their blocks",
    "accept/reject": "rejections to the requester only",
}
SETTLEMENT_DAY = ("settlementDayConsumptionPeriods", "[]", "settlementDay", "settlementDayDate")
APPLIES_AT = {
    "IF-013": ("CustomBlock", "B920List", "[]", *SETTLEMENT_DAY),
    "IF-014": ("CustomBlock", "B900", *SETTLEMENT_DAY),
    "IF-021": ("CustomBlock", "B900", *SETTLEMENT_DAY),
}
"""Channels whose body states the settlement days, and which are addressed by MPAN."""

COMMENT = """Who may send on each channel and who receives its publication; correct it where you know better.

primary: named by the sender. secondary: found by the message's MPAN. always: every holder of the role.
by_event_code and by_response_code (R0.responseCode) replace all three lists; a response code wins.
applies_at: where the body states the days for which secondary recipients are found; else when accepted.
retention_days is 730 where a row does not say (E2E 4.9). basis: what each part of a row rests on.

CS is the parent of MDS, LSS, ISD and VAS (E2E 3.3.7), no further recipient unless a participant holds it. As
a sender it cannot pass the schema: a role in S1 has three characters or more. "DIP" is the platform itself."""


def import_routing(file: Path, directory: Path) -> int:
    """Convert the notes in `file` into `directory/routing.yaml`; the number of rows written."""
    notes = json.loads(file.read_text(encoding="utf-8"))
    rows = {channel_id: convert_row(channel_id, note) for channel_id, note in notes.items()}
    (directory / "routing.yaml").write_text(write_yaml(describe_rows(rows), COMMENT), encoding="utf-8")
    return len(rows)


def convert_row(channel_id: str, note: Mapping[str, Any]) -> RoutingRow:
    """One channel's notes as a row."""
    added = note["recommendedAdd"]
    return RoutingRow(
        name=note["name"],
        publication=note["publication"] or channel_id.replace("IF-", "PUB-"),
        senders=_join(note["senders"], added.get("senders", ())),
        primary=_join(note["primary"], added.get("primary", ())),
        secondary=_join(note["secondary"], added.get("secondary", ())),
        always=_join(note["always"], added.get("always", ())),
        by_event_code={code: _convert_route(own, added) for code, own in note["eventCodes"].items() if own is not None},
        by_response_code={
            condition["when"]["R0.responseCode"]: _convert_route(condition, added) for condition in note["conditions"]
        },
        correlation=note["correlation"],
        correlation_by_event_code=note["correlationByEvent"],
        security_category=note["securityCategory"],
        responds_to=note["respondsTo"],
        applies_at=APPLIES_AT.get(channel_id),
        basis=_describe_basis(channel_id, note),
    )


def _convert_route(own: Mapping[str, Any], added: Mapping[str, Any]) -> Parties:
    lists = {key: _join(own[key], [role for role in added.get(key, ()) if _belongs(role, own[key])]) for key in LISTS}
    return Parties(**lists)


def _belongs(role: str, roles: list[str]) -> bool:
    return bool(KIN[role].intersection(roles)) if role in KIN else bool(roles)


def _join(roles: list[str], more: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*roles, *more]))


def _describe_basis(channel_id: str, note: Mapping[str, Any]) -> dict[str, str]:
    confidence, _, split = note["confidence"].partition("addressing split:")
    basis = {"parties": _describe_parties(confidence), "addressing": _describe_split(split)}
    if note["recommendedAdd"]:
        roles = sorted({role for roles in note["recommendedAdd"].values() for role in roles})
        basis["added"] = f"inferred: {', '.join(roles)} by the message's blocks or title"
    basis["correlation"] = _describe_correlation(note)
    if note["publication"] is None:
        basis["publication"] = "inferred: named as its neighbours are"
    if note["securityCategory"] is not None:
        basis["security_category"] = "inferred: what the blocks hold"
    if channel_id in APPLIES_AT:
        basis["applies_at"] = "inferred: late consumption goes to the parties of its settlement day"
    return basis


def _describe_parties(confidence: str) -> str:
    if "seed001 3.6" not in confidence:
        return "inferred: the message's title and blocks"
    disagreement = "; the interface catalogue differs" if "differs" in confidence else ""
    return f"sourced: E2E 3.6{disagreement}"


def _describe_correlation(note: Mapping[str, Any]) -> str:
    if note["correlationBasis"].startswith("sourced"):
        return "sourced: E2E 5.4"
    reasons = {"UNKNOWN": "unknown: no source says", "NONE": "inferred: nothing to follow up"}
    return reasons.get(note["correlation"], "inferred: request and response pairs")


def _describe_split(split: str) -> str:
    if "sourced" in split and "A1" not in split:
        return "sourced in part, else inferred"
    reasons = [reason for sign, reason in REASONS.items() if sign in split]
    return f"inferred: {', '.join(reasons) or 'nothing better'}"
