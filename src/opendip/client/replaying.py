"""Having messages and status messages again: in answers, page by page, or on a webhook's queue (E2E 4.9)."""

# ruff: noqa: N815
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from .calling import CONTINUATION, Reply
from .types import Header, ResponseEntry, encode, format_timestamp

_HEADERS = msgspec.json.Decoder(list[Header])
_RAW_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])
_ENTRIES = msgspec.json.Decoder(list[ResponseEntry])
_OK, _ACCEPTED, _NO_CONTENT = 200, 202, 204


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which messages: by transaction ids (100 at most), or from a time on; with both, from the earliest to the latest.

    Times are those at which the DIP accepted the messages, `until` included; None there: until now. The filters
    narrow either: the event code with or without its brackets, the MPAN (13 digits), the schema version.
    """

    since: datetime | None = None
    until: datetime | None = None
    event_code: str | None = None
    mpan: str | None = field(default=None, repr=False)
    version: str | None = None
    transaction_ids: tuple[str, ...] = ()

    def to_body(self) -> bytes:
        """A MessageRequest as the API takes it."""
        body: dict[str, Any] = {
            "datetimeFrom": _format(self.since),
            "datetimeTo": _format(self.until),
            "eventCode": self.event_code,
            "MPAN": self.mpan,
            "version": self.version,
        }
        if self.transaction_ids:
            body["transactionIDs"] = self.transaction_ids
        return encode(body)


@dataclass(frozen=True, slots=True)
class StatusReplayRequest:
    """Which status messages: of a time, and of one message where that is told."""

    since: datetime
    until: datetime
    transaction_id: str | None = None
    sender_unique_reference: str | None = None
    correlation_id: str | None = None

    def to_body(self) -> bytes:
        """A StatusMessageRequest as the API takes it."""
        body = {
            "datetimeFrom": _format(self.since),
            "datetimeTo": _format(self.until),
            "transactionID": self.transaction_id,
            "senderUniqueReference": self.sender_unique_reference,
            "correlationID": self.correlation_id,
        }
        return encode({name: value for name, value in body.items() if value is not None})


def _format(at: datetime | None) -> str | None:
    return None if at is None else format_timestamp(at)


@dataclass(frozen=True, slots=True)
class ReplayedBatch:
    """One answer of a replay. Only the headers of its messages have been read."""

    headers: list[Header] = field(repr=False)
    body: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.headers)

    @property
    def transaction_ids(self) -> list[str]:
        """Those of this replay; `header.first_transaction_id` tells the first ones."""
        return [header.transaction_id for header in self.headers]

    def list_raw(self) -> list[msgspec.Raw]:
        """Each message's bytes, in the order of the headers."""
        return _RAW_MESSAGES.decode(self.body)

    def decode(self) -> list[dict[str, Any]]:
        """Each message as plain dictionaries and lists."""
        messages: list[dict[str, Any]] = msgspec.json.decode(self.body)
        return messages


class RequeueStatus(msgspec.Struct, frozen=True):
    """How far a requeue in the background has come."""

    percentComplete: float
    totalTransactions: int
    processedTransactions: int
    status: Literal["Processing", "Completed", "Failed"]


class _Started(msgspec.Struct):
    requeueId: str


class ReplayCalls:
    """The calls of a `Sender` that are about what was sent before."""

    _dip_id: str

    async def _exchange(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        raise NotImplementedError

    async def replay(
        self, channel: str, request: ReplayRequest, recipient_id: str | None = None
    ) -> AsyncIterator[ReplayedBatch]:
        """The messages that were sent to the recipient, in the order of time, an answer at a time (50,000 at most).

        `async for batch in sender.replay("IF-021", ReplayRequest(since=yesterday)): ...`. An answer may be empty.
        """
        async for body in self._page(self._locate(f"/dip-channel/{_quote(channel)}", "replay", recipient_id), request):
            yield ReplayedBatch(_HEADERS.decode(body), body)

    async def requeue(self, channel: str, request: ReplayRequest, recipient_id: str | None = None) -> str | None:
        """Have messages delivered again to the webhook. None when they are queued; else the id to ask about.

        A stopped queue goes again by it. While another requeue is under way this waits, as after any 429.
        """
        return await self._requeue(f"/dip-channel/{_quote(channel)}", request, recipient_id)

    async def get_requeue_status(
        self, channel: str, requeue_id: str | None = None, recipient_id: str | None = None
    ) -> RequeueStatus | None:
        """Of that requeue, or of the latest; None when there is none."""
        return await self._get_status(f"/dip-channel/{_quote(channel)}", requeue_id, recipient_id)

    async def replay_statuses(
        self, request: StatusReplayRequest, recipient_id: str | None = None
    ) -> AsyncIterator[list[ResponseEntry]]:
        """As `replay`, for status messages about what the recipient had sent."""
        async for body in self._page(self._locate("/statusmessage", "replay", recipient_id), request):
            yield _ENTRIES.decode(body)

    async def requeue_statuses(self, request: StatusReplayRequest, recipient_id: str | None = None) -> str | None:
        """As `requeue`, for status messages."""
        return await self._requeue("/statusmessage", request, recipient_id)

    async def get_status_requeue_status(
        self, requeue_id: str | None = None, recipient_id: str | None = None
    ) -> RequeueStatus | None:
        """As `get_requeue_status`, for status messages."""
        return await self._get_status("/statusmessage", requeue_id, recipient_id)

    async def _page(self, path: str, request: ReplayRequest | StatusReplayRequest) -> AsyncIterator[bytes]:
        body = request.to_body()
        headers: dict[str, str] = {}
        while True:
            reply = await self._exchange("POST", path, body, headers)
            if reply.status != _NO_CONTENT:
                yield reply.body
            if reply.continuation is None:
                return
            headers = {CONTINUATION: reply.continuation}

    async def _requeue(
        self, place: str, request: ReplayRequest | StatusReplayRequest, recipient_id: str | None
    ) -> str | None:
        reply = await self._exchange("POST", self._locate(place, "requeue", recipient_id), request.to_body())
        return msgspec.json.decode(reply.body, type=_Started).requeueId if reply.status == _ACCEPTED else None

    async def _get_status(self, place: str, requeue_id: str | None, recipient_id: str | None) -> RequeueStatus | None:
        query = "" if requeue_id is None else f"?requeue-id={_quote(requeue_id)}"
        reply = await self._exchange("GET", self._locate(place, "requeueStatus", recipient_id) + query)
        return msgspec.json.decode(reply.body, type=RequeueStatus) if reply.status == _OK else None

    def _locate(self, place: str, what: str, recipient_id: str | None) -> str:
        return f"{place}/{what}/{_quote(recipient_id or self._dip_id)}"


def _quote(part: str) -> str:
    return quote(part, safe="")
