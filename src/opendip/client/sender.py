"""Calling the DIP: messages, status messages and webhook settings, each signed and sent again until answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Self
from urllib.parse import quote, urlsplit

import msgspec

from opendip.domain.problems import Problem

from .calling import Call, Caller, LostConnection, Reply
from .credentials import Credentials
from .replaying import ReplayCalls
from .retrying import RETRIED_STATUSES, Patience, parse_retry_after
from .types import ResponseEntry, StandardResponse, encode

Messages = bytes | Sequence[Any]
"""A whole body as JSON bytes; or the messages, as dictionaries, structs, or `msgspec.Raw` of encoded ones."""

SUCCESS = "MSG0000"
_REASONS_TOLD = 3
_LONGEST_REASON = 500
_ANSWERS = msgspec.json.Decoder(StandardResponse)

logger = logging.getLogger("opendip.client")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the DIP answered to a call it took: 201, or 207 when it refused some of the messages."""

    status: int
    entries: list[ResponseEntry] = field(repr=False)
    timestamp: str | None

    @property
    def refusals(self) -> list[ResponseEntry]:
        """The entries of messages that were not taken; send those again, corrected, in a new call."""
        return [entry for entry in self.entries if entry.code != SUCCESS]


class Refused(Problem):
    """The DIP refused a call in a way that calling again does not mend (E2E 4.4.4.1).

    The text has the first reasons and what the DIP says against them; `entries` have them all.
    """

    def __init__(self, status: int, entries: list[ResponseEntry]) -> None:
        reasons = _list_first(entry.message for entry in entries)
        said = f": {'; '.join(reasons)}" if reasons else ""
        helps = _list_first(entry.help for entry in entries)
        super().__init__(" ".join([f"The DIP refused the call with status {status}{said}.", *helps]))
        self.status = status
        self.entries = entries


def _list_first(texts: Iterable[str | None]) -> list[str]:
    """The first few that differ, each no longer than an answer's may be."""
    found: dict[str, None] = {}
    for text in texts:
        if text and len(found) < _REASONS_TOLD:
            found[text[:_LONGEST_REASON]] = None
    return list(found)


class GaveUp(Problem):
    """Every attempt failed. Whether the DIP took the call is not known: send the same messages again later."""


class UnusableUrl(Problem):
    """The DIP's URL is not one to send an API key to."""


class Sender(ReplayCalls):
    """Sends for one DIP id: `async with Sender(credentials, "https://127.0.0.1:8443") as sender: ...`.

    Calls wait and are made again after 408, 429, 5xx (but 505) and lost connections. They raise `Refused` for
    what will not mend, `GaveUp` when patience ends, `UntrustedCertificate` when either end's is refused.
    Any number of calls can be made at once.
    """

    def __init__(
        self,
        credentials: Credentials,
        base_url: str,
        *,
        version: str = "2.1.0",
        patience: Patience | None = None,
        connections: int = 8,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._dip_id = credentials.dip_id
        self._root = f"{_check_url(base_url)}/{quote(version, safe='')}"
        self._patience = patience or Patience()
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - it spreads retries, it keeps no secret
        self._sleep = sleep
        self._caller = Caller(credentials, connections, clock)

    async def __aenter__(self) -> Self:
        await self._caller.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._caller.__aexit__()

    async def send(self, channel: str, messages: Messages) -> Answer:
        """Send messages of one interface: `send("IF-021", [...])`; an entry a message comes back, in order."""
        return await self._call("POST", f"/dip-channel/{_quote(channel)}", _to_body(messages))

    async def send_statuses(self, statuses: Iterable[ResponseEntry]) -> Answer:
        """Tell senders, through the DIP, what became of their messages after they were taken (E2E 4.7)."""
        return await self._call("POST", "/statusmessage", encode(list(statuses)))

    async def set_webhook(
        self,
        channel: str,
        url: str,
        recipient_id: str | None = None,
        max_message_count: int | None = None,
        max_payload_kb: int | None = None,
        max_message_rate: int | None = None,
    ) -> Answer:
        """Have a publication delivered to the URL, within the limits, from now on (E2E 4.6.2).

        `max_message_rate` is in messages a second. A webhook that is paused stays so, and the answer's help says it.
        """
        path = self._locate_webhook(channel, recipient_id)
        return await self._call("POST", path, _make_config(url, max_message_count, max_payload_kb, max_message_rate))

    async def delete_webhook(self, channel: str, recipient_id: str | None = None) -> None:
        await self._call("DELETE", self._locate_webhook(channel, recipient_id))

    async def pause_webhook(self, channel: str, recipient_id: str | None = None) -> Answer:
        """Have deliveries kept back, in order, until `resume_webhook`; none that is under way is called back."""
        return await self._call("POST", f"{self._locate_webhook(channel, recipient_id)}/pause")

    async def resume_webhook(self, channel: str, recipient_id: str | None = None) -> Answer:
        """Have what was kept back delivered now, oldest first. It also ends a stop after a faulty answer."""
        return await self._call("POST", f"{self._locate_webhook(channel, recipient_id)}/resume")

    async def set_status_webhook(
        self,
        url: str,
        recipient_id: str | None = None,
        max_message_count: int | None = None,
        max_payload_kb: int | None = None,
        max_message_rate: int | None = None,
    ) -> Answer:
        """Have status messages delivered to the URL; one webhook serves all channels (E2E 4.8)."""
        path = self._locate_status_webhook(recipient_id)
        return await self._call("POST", path, _make_config(url, max_message_count, max_payload_kb, max_message_rate))

    async def delete_status_webhook(self, recipient_id: str | None = None) -> None:
        await self._call("DELETE", self._locate_status_webhook(recipient_id))

    async def pause_status_webhook(self, recipient_id: str | None = None) -> Answer:
        """As `pause_webhook`, for status messages."""
        return await self._call("POST", f"{self._locate_status_webhook(recipient_id)}/pause")

    async def resume_status_webhook(self, recipient_id: str | None = None) -> Answer:
        """As `resume_webhook`, for status messages."""
        return await self._call("POST", f"{self._locate_status_webhook(recipient_id)}/resume")

    def _locate_webhook(self, channel: str, recipient_id: str | None) -> str:
        return f"/dip-channel/{_quote(channel)}/pubconfig/{_quote(recipient_id or self._dip_id)}"

    def _locate_status_webhook(self, recipient_id: str | None) -> str:
        return f"/statusmessage/config/{_quote(recipient_id or self._dip_id)}"

    async def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        return _accept(await self._exchange(method, path, body))

    async def _exchange(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """The first reply that is not worth another try; raises `Refused` for what is not a success."""
        call = Call(method, self._root + path, body, headers or {})
        last = self._patience.max_attempts
        for attempt in range(1, last + 1):
            failure = asked = None
            try:
                reply = await self._caller.make(call)
            except LostConnection as lost:
                failure = str(lost)
            else:
                if reply.status not in RETRIED_STATUSES:
                    return _check(reply)
                failure = f"The DIP answered {reply.status}."
                asked = parse_retry_after(reply.retry_after, self._clock())
            if attempt < last:
                wait = self._patience.get_wait(attempt, self._random, asked).total_seconds()
                logger.warning("%s Attempt %d of %d; the next is in %.1f seconds.", failure, attempt, last, wait)
                await self._sleep(wait)
        raise GaveUp(
            f"{failure} That was attempt {last}, the last. Whether the DIP took the call is not known: "
            "see that it can be reached, then send the same again."
        )


def _check(reply: Reply) -> Reply:
    if not 200 <= reply.status < 300:
        raise Refused(reply.status, _read_answer(reply).messageArray)
    return reply


def _accept(reply: Reply) -> Answer:
    answer = _read_answer(reply)
    return Answer(reply.status, answer.messageArray, answer.timestamp or None)


def _read_answer(reply: Reply) -> StandardResponse:
    try:
        return _ANSWERS.decode(reply.body)
    except msgspec.DecodeError:
        return StandardResponse([], "")


def _to_body(messages: Messages) -> bytes:
    return messages if isinstance(messages, bytes) else encode(messages)


def _make_config(url: str, count: int | None, kilobytes: int | None, rate: int | None) -> bytes:
    config = {"callbackURL": url, "maxMessageCount": count, "maxPayloadSize": kilobytes, "maxMessageRate": rate}
    return encode({name: value for name, value in config.items() if value is not None})


def _quote(part: str) -> str:
    return quote(part, safe="")


def _check_url(base_url: str) -> str:
    """Without its last slash. What is not https is refused before anything is sent."""
    parts = urlsplit(base_url)
    if parts.scheme.lower() != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UnusableUrl(f"{base_url} is not the URL of a DIP: https://host or https://host:port, without a path.")
    return base_url.rstrip("/")
