"""What the messages of the two workflows say: appointments of metering services, and exchanged meters.

The blocks are those of the catalogue; the houses, meters and contracts are invented.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from opendip.domain.references import format_timestamp
from opendip.simulator.market import PLAYERS, MeteringPoint

Body = Mapping[str, Any]

_LONG_AGO = "2020-04-01T00:00:00+00:00"
_MPIDS = {player.dip_id: player.mpid for player in PLAYERS}


def format_day(day: date) -> str:
    return format_timestamp(datetime.combine(day, time(), UTC))


def get_meter_id(point: MeteringPoint) -> str:
    """The meter that registration knows at the point."""
    return f"EX{point.mpan[-8:]}"


def propose_metering_service(provider: str, starts_on: date, contract: str | None) -> Body:
    """IF-031: the supplier proposes a provider (B070); without a contract the provider will not accept."""
    proposal = {
        "proposedMeteringServiceDIPID": provider,
        "proposedMeteringServiceMPID": _MPIDS[provider],
        "proposedMeteringServiceDIPEffectiveFromDate": format_day(starts_on),
        "contractReferenceMeteringService": contract,
        "appointmentScenario": "CSP",
    }
    return {"B070": proposal}


def ask_metering_service(proposal: Body, supplier: str, incumbent: str, point: MeteringPoint) -> Body:
    """IF-033: registration puts the proposal to the provider, with what it must know of the site."""
    return {
        "B012": name_supplier(supplier),
        "B070": proposal,
        "B072": {
            "incumbentMeteringServiceDIPID": incumbent,
            "incumbentMeteringServiceMPID": _MPIDS[incumbent],
        },
        **_describe_site(point),
    }


def report_decision(decision: Body, supplier: Body, proposal: Body) -> Body:
    """IF-034 and IF-035: the provider's decision (B007) on the proposal."""
    return {"B007": decision, "B012": supplier, "B070": proposal}


def decide(is_accepted: bool) -> Body:
    """B007: yes, or no and why."""
    reason = None if is_accepted else "No contract for this metering point"
    return {"responseCode": "A" if is_accepted else "R", "proposedAppointmentResponseCode": reason}


def confirm_appointment(proposal: Body, supplier: Body, point: MeteringPoint) -> Body:
    """IF-036: the appointment is active."""
    incoming = {
        "incomingMeteringServiceDIPID": proposal["proposedMeteringServiceDIPID"],
        "incomingMeteringServiceEffectiveFromDate": proposal["proposedMeteringServiceDIPEffectiveFromDate"],
        "incomingMeteringServiceMPID": proposal["proposedMeteringServiceMPID"],
        "contractReferenceMeteringService": proposal["contractReferenceMeteringService"],
        "appointmentScenario": proposal["appointmentScenario"],
    }
    domestic = {"domesticPremiseIndicator": True, "domesticPremiseIndicatorEffectiveFromDate": _LONG_AGO}
    return {"B012": supplier, "B014": incoming, **_describe_site(point), "B028": domestic}


def end_appointment(outgoing: str, ends_at: str) -> Body:
    """IF-037: the outgoing provider is told from when it is no longer responsible."""
    ended = {
        "deAppointedMeteringServiceDIPID": outgoing,
        "deAppointedMeteringServiceMPID": _MPIDS[outgoing],
        "meteringServiceEffectiveFromDate": _LONG_AGO,
        "meteringServiceEffectiveToDate": ends_at,
        "deAppointmentReasonCode": "CSERV",
    }
    return {"B008": ended}


def exchange_meter(removed: str, installed: str, exchanged_on: date) -> Body:
    """IF-005: a meter was taken out and another put in."""
    meter = {
        "meterID": installed,
        "modifiedMeterID": None,
        "meterType": "S2A",
        "manufacturersMakeAndType": "Example Meter Model 1",
        "ESMEGUID": None,
        "meterLocation": "A",
        "numberOfDisplayedRegisterDigits": 5,
        "meterInstallationDate": format_day(exchanged_on),
    }
    asset_provider = {
        "meterAssetProviderID": "EXMP",
        "meterAssetProviderEffectiveFromDate": format_day(exchanged_on),
    }
    return {
        "B906": {"existingMeter": meter, "historyMAP": [asset_provider]},
        "B039": {"meterIDRemoved": removed, "meterRemovalDate": format_day(exchanged_on)},
    }


def name_supplier(supplier: str) -> Body:
    """B012: the supplier that asked."""
    return {
        "serviceProviderAppointmentRequestingSupplierDIPID": supplier,
        "serviceProviderAppointmentRequestingSupplierMPID": _MPIDS[supplier],
    }


def _describe_site(point: MeteringPoint) -> Body:
    lines: dict[str, str | None] = {f"addressLine{n}": None for n in range(1, 10)}
    lines |= {"addressLine1": f"{int(point.mpan[-5:-1])} Example Street", "addressLine5": "Exampleton"}
    return {
        "B022": {"meteringPointPostcode": "ZZ99 9ZZ", **lines},
        "B023": {
            "connectionTypeIndicator": "W",
            "connectionTypeEffectiveFromDate": _LONG_AGO,
            "energyDirection": "I",
            "meteredIndicator": True,
        },
        "B024": {"DUOSTariffID": "110", "DUOSTariffIDEffectiveFromDate": _LONG_AGO},
        "B025": {"energisationStatus": "E", "energisationStatusEffectiveFromDate": _LONG_AGO},
        "B026": {"marketSegmentIndicator": "S", "marketSegmentIndicatorEffectiveFromDate": _LONG_AGO},
    }
