"""What each role does about a message: plain functions from what was received to what is sent next.

Each copies the correlation id of what it answers, as E2E 5.4 asks of everybody in a workflow.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from opendip.simulator import bodies
from opendip.simulator.drafts import Draft
from opendip.simulator.market import METERING_ROLES, SMART_METERING, MeteringPoint


@dataclass(frozen=True, slots=True)
class Received:
    """A delivered message as its recipient reads it."""

    channel: str
    event_code: str
    sender: str
    mpan: str
    correlation_id: str | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the participants know besides the message in hand: the metering points, and what day it is."""

    points: Mapping[str, MeteringPoint]
    today: date

    def get_metering_service(self, point: MeteringPoint) -> str:
        return point.get_responsible(METERING_ROLES, self.today).dip_id


Reaction = Callable[[Received, MeteringPoint, Knowledge], Iterator[Draft]]


def read_message(raw: bytes | msgspec.Raw) -> Received:
    payload = msgspec.json.decode(raw)["payload"]
    common = payload["CommonBlock"]
    return Received(
        common["S0"]["interfaceID"],
        common["S0"]["eventCode"].strip("[]"),
        common["S1"]["senderDIPID"],
        common["M0"]["MPANCore"],
        common["D0"]["initialCorrelationID"] or common["S1"]["senderCorrelationID"],
        payload["CustomBlock"],
    )


def request_appointment(point: MeteringPoint, today: date, *, has_contract: bool) -> Draft:
    """The supplier begins a change of metering service (IF-031)."""
    contract = f"C-{point.mpan[-6:]}" if has_contract else None
    provider = SMART_METERING[1].dip_id
    body = bodies.propose_metering_service(provider, today + timedelta(days=1), contract)
    return Draft("IF-031", "MSApp", "SUP", point, body)


def report_meter_exchange(point: MeteringPoint, role: str, today: date, *, is_known: bool) -> Draft:
    """The metering service has exchanged a meter (IF-005): the one registration knows of, or another."""
    removed = bodies.get_meter_id(point) if is_known else "UNKNOWN"
    body = bodies.exchange_meter(removed, f"NW{point.mpan[-8:]}", today)
    return Draft("IF-005", "MeterExchange", role, point, body)


def _take_request(received: Received, point: MeteringPoint, known: Knowledge) -> Iterator[Draft]:
    """Registration answers the supplier (IF-032) and asks the proposed provider (IF-033)."""
    proposal, supplier = received.body["B070"], received.sender
    answer = {"B070": proposal}
    question = bodies.ask_metering_service(proposal, supplier, known.get_metering_service(point), point)
    provider = proposal["proposedMeteringServiceDIPID"]
    correlation = received.correlation_id
    yield Draft("IF-032", "MSAppInitialResp", "REGS", point, answer, (supplier,), correlation, "A")
    yield Draft("IF-033", "MSAppSPRequest", "REGS", point, question, (provider,), correlation)


def _consider_request(received: Received, point: MeteringPoint, known: Knowledge) -> Iterator[Draft]:
    """The metering service takes what it has a contract for (IF-034)."""
    proposal = received.body["B070"]
    decision = bodies.decide(proposal["contractReferenceMeteringService"] is not None)
    body = bodies.report_decision(decision, received.body["B012"], proposal)
    yield Draft("IF-034", "MSAppSPResponse", "MSS", point, body, (), received.correlation_id)


def _take_decision(received: Received, point: MeteringPoint, known: Knowledge) -> Iterator[Draft]:
    """Registration publishes the decision (IF-035); if yes, the appointment (IF-036) and its end (IF-037)."""
    decision, supplier, proposal = (received.body[block] for block in ("B007", "B012", "B070"))
    asked_by = supplier["serviceProviderAppointmentRequestingSupplierDIPID"]
    correlation, is_accepted = received.correlation_id, decision["responseCode"] == "A"
    event_code = "MSAppAccepted" if is_accepted else "MSAppRejected"
    report = bodies.report_decision(decision, supplier, proposal)
    yield Draft("IF-035", event_code, "REGS", point, report, (asked_by,), correlation)
    if not is_accepted:
        return
    outgoing = known.get_metering_service(point)
    started = bodies.confirm_appointment(proposal, supplier, point)
    ended = bodies.end_appointment(outgoing, proposal["proposedMeteringServiceDIPEffectiveFromDate"])
    yield Draft("IF-036", "MSAppActive", "REGS", point, started, (asked_by, received.sender), correlation)
    yield Draft("IF-037", "MSDeApp", "REGS", point, ended, (outgoing,), correlation)


def _take_meter_exchange(received: Received, point: MeteringPoint, known: Knowledge) -> Iterator[Draft]:
    """Registration publishes the exchange of a meter it knows; of another it tells the requester (IF-006)."""
    is_known = received.body["B039"]["meterIDRemoved"] == bodies.get_meter_id(point)
    outcome = "A" if is_known else "R"
    requester, correlation = (received.sender,), received.correlation_id
    yield Draft("IF-006", "MeterExchange", "REGS", point, received.body, requester, correlation, outcome)


REACTIONS: Mapping[tuple[str, str], Reaction] = {
    ("REGS", "IF-031"): _take_request,
    ("MSS", "IF-033"): _consider_request,
    ("REGS", "IF-034"): _take_decision,
    ("REGS", "IF-005"): _take_meter_exchange,
}
"""By role and channel; what is not here is taken note of and needs no answer."""


def find_reaction(roles: tuple[str, ...], channel: str) -> Reaction | None:
    return next((REACTIONS[role, channel] for role in roles if (role, channel) in REACTIONS), None)
