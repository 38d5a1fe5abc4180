"""The messages of IF-016: a consumption record sent again in the DIP's name, or the word that there is none to have.

The record's CustomBlock is carried as it was sent, and its S1 becomes S2; neither is read. What does not come out as
a valid message of IF-016 is not sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from opendip.catalogue import Catalogue, MessageDecoder, compile_channel
from opendip.domain.market import DIP_ROLE
from opendip.domain.outcomes import Fault
from opendip.domain.publications import Header
from opendip.domain.references import format_index, format_reference_start, format_timestamp

CHANNEL = "IF-016"
REJECTED = "ConsumptionRequestRejected"
_TEXT_LENGTH = 200

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    """A message of IF-015, and where it is kept."""

    header: Header
    submission: int
    message_index: int
    accepted_on: date
    replay: int | None = None
    """The number under which an operator has put it on the queue again, if one has."""

    @property
    def token(self) -> str:
        """The hexadecimal part of its transaction id, and of its replay number: by it the answers know each other."""
        replayed = "" if self.replay is None else f"{self.replay:08x}"
        return f"{self.submission:012x}{format_index(self.message_index)}{replayed}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of an answer; the same request makes the same references, whoever answers it."""

    data: bytes
    event_code: str
    reference: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class ReplyChannel:
    """IF-016 as the catalogue has it, and in which market it is sent."""

    decoder: MessageDecoder
    event_codes: frozenset[str]
    schema_version: str
    response_texts: Mapping[str, str]
    environment: str
    dip_id: str

    def write_record(self, request: Request, record: Header, number: int, now: datetime) -> Reply | None:
        """The record as the answer's message of that number; None when it cannot be said in IF-016."""
        if record.event_code not in self.event_codes:
            return None
        blocks = {"S2": record.blocks["S1"], "M0": record.blocks["M0"], "R1": _write_response("A")}
        reply = self._write(request, record.event_code, blocks, number, now, record.body)
        try:
            self.decoder.decode(reply.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return reply

    def write_rejection(self, request: Request, fault: Fault, now: datetime) -> Reply:
        texts = (f"{fault.code} - {self.response_texts[fault.code]}", fault.help)
        blocks = {"M0": request.header.blocks["M0"], "R1": _write_response("R", *texts)}
        return self._write(request, REJECTED, blocks, 0, now, UNSET)

    def _write(
        self,
        request: Request,
        event_code: str,
        blocks: dict[str, Raw],
        number: int,
        now: datetime,
        body: Raw | UnsetType,
    ) -> Reply:
        reference, asker = self._make_reference(request, number), request.header.sender
        s0 = {"interfaceID": CHANNEL, "schemaVersion": self.schema_version, "eventCode": f"[{event_code}]"}
        s1 = {
            "environmentTag": self.environment,
            "subText": None,
            "senderUniqueReference": reference,
            "senderTimestamp": format_timestamp(now),
            "senderDIPID": self.dip_id,
            "senderRoleID": DIP_ROLE,
            "senderCorrelationID": asker.senderCorrelationID,
            "DIPConnectionProviderID": None,
        }
        a0 = {"primaryRecipients": [asker.senderDIPID], "secondaryRecipients": [], "always": []}
        payload: dict[str, Any] = {"CommonBlock": {"S0": s0, "S1": s1, **blocks, "A0": a0}}
        if body is not UNSET:
            payload["CustomBlock"] = body
        return Reply(_encode({"payload": payload}), event_code, reference, asker.senderCorrelationID)

    def _make_reference(self, request: Request, number: int) -> str:
        # E2E 4.2.3.1: unique for ever, as the request's place in the archive is.
        start = format_reference_start(CHANNEL, self.dip_id, DIP_ROLE).text
        return f"{start}{request.accepted_on:%Y%m%d}-{request.token}{number:06x}"


def prepare_replies(catalogue: Catalogue, environment: str, dip_id: str) -> ReplyChannel:
    channel = catalogue.channels[CHANNEL]
    return ReplyChannel(
        compile_channel(channel, catalogue),
        frozenset(channel.event_codes),
        channel.schema_version,
        catalogue.response_codes,
        environment,
        dip_id,
    )


def _write_response(code: str, *texts: str) -> Raw:
    return Raw(_encode({"responseCode": code, "responseMessages": [text[:_TEXT_LENGTH] for text in texts]}))
