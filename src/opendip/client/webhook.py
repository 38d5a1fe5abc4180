"""One webhook: prove that a call is the DIP's, read it, hand it over, and answer for every message."""

import hashlib
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from .answering import Refusals, WireAnswer, answer_batch, answer_statuses, refuse_call
from .batches import (
    Delivery,
    ReceivedBatch,
    ReceivedStatuses,
    UnreadableBatch,
    read_batch,
    read_statuses,
)
from .certificates import UntrustedCertificate
from .credentials import Credentials
from .signing import BadSignature, SignatureError, encode_digest, read_signature_headers
from .trust import Signer
from .types import BAD_SIGNATURE, SCHEMA_FAILURE
from .verifying import verify_call

MessageHandler = Callable[[ReceivedBatch], Awaitable[Refusals | None]]
"""Takes a batch. Returns the refusals, or None (or nothing in them) when every message was taken."""
StatusHandler = Callable[[ReceivedStatuses], Awaitable[None]]

logger = logging.getLogger("opendip.client")


class TryLater(Exception):  # noqa: N818 - it says what to do
    """Raise it in a handler to be sent the same again (E2E 4.6.6.1: 408, 429, 500, 502, 503 or 504)."""

    def __init__(self, status: int = 503, retry_after: timedelta | None = None) -> None:
        super().__init__(f"The recipient asks for the same again later ({status}).")
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Reception:
    """What the webhooks of one receiver go by."""

    credentials: Credentials
    dip_id: str
    tolerance: timedelta
    max_body_bytes: int
    clock: Callable[[], datetime]
    list_urls: Callable[[str], Iterable[str]]
    """A path to the public URLs the DIP may have called it by."""


Read = Callable[[bytes, Delivery], Awaitable[WireAnswer]]


def make_message_webhook(reception: Reception, handler: MessageHandler, recipient_id: str) -> "Webhook":
    async def take(body: bytes, delivery: Delivery) -> WireAnswer:
        batch = read_batch(body, delivery)
        refusals = await handler(batch) or {}
        unknown = refusals.keys() - batch.transaction_ids if refusals else ()
        if unknown:
            logger.error("A handler refused %d messages that its batch did not have.", len(unknown))
        return answer_batch(batch, refusals, recipient_id, reception.clock())

    return Webhook(reception, recipient_id, take)


def make_status_webhook(reception: Reception, handler: StatusHandler, recipient_id: str) -> "Webhook":
    async def take(body: bytes, delivery: Delivery) -> WireAnswer:
        statuses = read_statuses(body, delivery)
        await handler(statuses)
        return answer_statuses(statuses, recipient_id, reception.clock())

    return Webhook(reception, recipient_id, take)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook, whose `handle` aiohttp calls."""

    reception: Reception
    recipient_id: str
    take: Read

    async def handle(self, request: web.Request) -> web.Response:
        received_at = self.reception.clock()
        if _find_caller(request) != self.reception.dip_id:
            return web.Response(status=403, text="Only the DIP may call here.\n")
        body, content_hash = await read_body(request, self.reception.max_body_bytes)
        try:
            signer = self._get_signer(request, content_hash, received_at)
        except (SignatureError, UntrustedCertificate) as fault:
            logger.warning("A call to %s was refused: %s", request.path, fault)
            return self._refuse(BAD_SIGNATURE, str(fault))
        delivery = Delivery(request.path, received_at, signer, request.headers.get("X-DIP-MPO"))
        return await self._hand_over(body, delivery)

    async def _hand_over(self, body: bytes, delivery: Delivery) -> web.Response:
        try:
            return _respond(await self.take(body, delivery))
        except UnreadableBatch as fault:
            return self._refuse(SCHEMA_FAILURE, str(fault))
        except TryLater as later:
            headers = {}
            if later.retry_after is not None:
                headers["Retry-After"] = str(round(later.retry_after.total_seconds()))
            return web.Response(status=later.status, headers=headers)
        except Exception as fault:
            _log_fault(delivery.path, fault)
            return web.Response(status=500)

    def _get_signer(self, request: web.Request, content_hash: str, now: datetime) -> Signer:
        headers = read_signature_headers(request.headers)
        signer = self.reception.credentials.trust.get_signer(headers.certificate, now)
        if signer.subject.dip_id != self.reception.dip_id:
            raise BadSignature("The call is signed by a participant, not by the DIP.")
        urls = self.reception.list_urls(request.raw_path)
        verify_call(
            headers,
            request.method,
            urls,
            content_hash=content_hash,
            key=signer.public_key,
            now=now,
            tolerance=self.reception.tolerance,
        )
        return signer

    def _refuse(self, message: str, explanation: str) -> web.Response:
        now, dip_id = self.reception.clock(), self.reception.dip_id
        return _respond(refuse_call(message, explanation, self.recipient_id, dip_id, now))


async def read_body(request: web.Request, max_bytes: int) -> tuple[bytes, str]:
    """The body and its content hash; hashed as it comes, so that a large one does not hold up the others."""
    if (request.content_length or 0) > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_bytes, request.content_length or 0)
    parts, size, digest = [], 0, hashlib.sha256()
    while part := await request.content.readany():
        size += len(part)
        if size > max_bytes:
            raise web.HTTPRequestEntityTooLarge(max_bytes, size)
        digest.update(part)
        parts.append(part)
    return b"".join(parts), encode_digest(digest.digest())


def _find_caller(request: web.Request) -> str | None:
    """The common name of the certificate the caller's TLS connection was made with."""
    certificate = request.transport and request.transport.get_extra_info("peercert")
    if not certificate:
        return None
    names = [value for (entry,) in certificate["subject"] for name, value in [entry] if name == "commonName"]
    return names[0] if len(names) == 1 else None


def _respond(answer: WireAnswer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type="application/json")


def _log_fault(path: str, fault: Exception) -> None:
    # Where it happened, not what it said: a fault's own words may quote a message, and so an MPAN.
    where = "".join(traceback.format_tb(fault.__traceback__))
    logger.error("The handler of %s failed with %s; answered 500.\n%s", path, type(fault).__name__, where)
