"""Deliveries as the DIP makes them, signed and POSTed over mutual TLS, and spoilt on request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import msgspec

from opendip.client.credentials import Credentials
from opendip.client.types import StandardResponse

from .subjects import NOW, SUPPLIER

AT = "2026-03-21T19:05:00+00:00"


def make_transaction_id(number: int) -> str:
    return f"T-IF-021-1109012345-SDS-20260321-{number:016x}"


def make_message(number: int, **changes: Any) -> dict[str, Any]:
    """An IF-021 message as delivered, of about the size a day of half-hours has."""
    common = {
        "S0": {"interfaceID": "IF-021", "schemaVersion": "011", "eventCode": "[ActivePower]"},
        "S1": {
            "environmentTag": "DEV",
            "subText": None,
            "senderUniqueReference": f"S-IF-021-{SUPPLIER.dip_id}-SDS-20260321-{number:x}",
            "senderTimestamp": AT,
            "senderDIPID": SUPPLIER.dip_id,
            "senderRoleID": "SDS",
            "senderCorrelationID": None,
            "DIPConnectionProviderID": None,
        },
        "D0": {
            "transactionID": make_transaction_id(number),
            "transactionTimestamp": AT,
            "publicationID": "PUB-021",
            "initialCorrelationID": None,
            "replayIndicator": False,
            "serviceTicketURL": None,
        },
        "M0": {"MPANCore": "2000000000006", "distributorDIPID": "1309012345", "GSPGroupID": "_A"},
        **changes,
    }
    periods = [
        {"settlementPeriod": n, "consumption": f"{n}.250", "qualityIndicator": "A", "periodEnd": AT}
        for n in range(1, 49)
    ]
    return {"payload": {"CommonBlock": common, "CustomBlock": {"B900": {"settlementPeriods": periods}}}}


def make_batch(count: int) -> bytes:
    return msgspec.json.encode([make_message(number) for number in range(count)])


@dataclass
class Caller:
    """Somebody who POSTs: by default exactly as the DIP does."""

    credentials: Credentials
    session: aiohttp.ClientSession

    async def deliver(
        self,
        url: str,
        body: bytes,
        *,
        signed_url: str | None = None,
        signed_at: datetime = NOW,
        signed_by: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
        signed_body: bytes | None = None,
    ) -> tuple[int, StandardResponse | None]:
        """The status and the standard response, if the answer has one."""
        signer = signed_by or self.credentials
        signature = signer.sign("POST", signed_url or url, body if signed_body is None else signed_body, signed_at)
        sent = {**signature, "Content-Type": "application/json", **(headers or {})}
        kept = {name: value for name, value in sent.items() if value}
        async with self.session.post(url, data=body, headers=kept) as response:
            content = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, msgspec.json.decode(content, type=StandardResponse) if is_json else None


@asynccontextmanager
async def calling_as(credentials: Credentials) -> AsyncIterator[Caller]:
    connector = aiohttp.TCPConnector(ssl=credentials.ssl_context_for_client())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Caller(credentials, session)
