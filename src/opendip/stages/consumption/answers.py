"""An answer on its way into the archive: calls that the DIP signs and keeps as it keeps those of others.

Routing and delivering know no difference, and its evidence is proved as any other is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Raw

from opendip.client.certificates import get_fingerprint
from opendip.client.credentials import Credentials
from opendip.client.signing import decode_certificate, read_signature_headers
from opendip.domain.outcomes import Status
from opendip.domain.publications import join_batch
from opendip.stages.consumption.replies import CHANNEL, Reply, Request
from opendip.store.pool import Connection
from opendip.store.signed_calls import GivenAnswer, SignedCall, keep_call, pack_body
from opendip.store.submissions import Claim, MessageRow, claim_references, find_answer, keep_messages

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """Whose name the DIP signs in, under which URL, and how much it keeps at a time."""

    credentials: Credentials
    dip_id: str
    url: str
    """Of the channel IF-016, as a caller of this DIP signs it."""
    most_messages: int = 1_000
    most_bytes: int = 8 * 2**20


class AnsweredBefore(Exception):  # noqa: N818 - it says what happened
    """The references of this answer are taken: the request has been answered."""


class Answer:
    """Collects the messages of one answer; keeps them, a call at a time, in the caller's transaction."""

    def __init__(self, connection: Connection, rules: AnswerRules, request: Request, now: datetime) -> None:
        self._connection = connection
        self._rules = rules
        self._request = request
        self._now = now
        self._replies: list[Reply] = []
        self._bytes = 0
        self.count = 0

    async def add(self, reply: Reply) -> None:
        is_full = len(self._replies) >= self._rules.most_messages
        if is_full or self._bytes + len(reply.data) > self._rules.most_bytes:
            await self.keep()
        self._replies.append(reply)
        self._bytes += len(reply.data)
        self.count += 1

    async def keep(self) -> None:
        """What is collected becomes a submission, with its place in the intake."""
        replies, self._replies, self._bytes = self._replies, [], 0
        if not replies:
            return
        messages = [reply.data for reply in replies]
        call = self._sign(join_batch(messages))
        number = (await find_answer(self._connection, call.signature_digest)).submission
        await self._claim(number, replies)
        await keep_messages(self._connection, number, self._now.date(), self._list_rows(replies))
        chunks = await pack_body(call.body, [Raw(message) for message in messages])
        answer = GivenAnswer(Status.CREATED.value, b"[]", len(replies), ())
        await keep_call(self._connection, call, number, CHANNEL, chunks, answer, len(replies))

    def _sign(self, body: bytes) -> SignedCall:
        credentials, url = self._rules.credentials, self._rules.url
        signature = read_signature_headers(credentials.sign("POST", url, body, self._now))
        certificate = get_fingerprint(decode_certificate(signature.certificate))
        return SignedCall("POST", url, self._rules.dip_id, signature, certificate, body, self._now)

    async def _claim(self, number: int, replies: Sequence[Reply]) -> None:
        day = int(f"{self._request.accepted_on:%Y%m%d}")
        claims = [
            Claim(index, day, hashlib.blake2b(reply.reference.encode(), digest_size=_DIGEST_BYTES).digest())
            for index, reply in enumerate(replies)
        ]
        if len(await claim_references(self._connection, number, claims)) < len(claims):
            raise AnsweredBefore

    def _list_rows(self, replies: Sequence[Reply]) -> list[MessageRow]:
        mpan, dip_id = self._request.header.mpan, self._rules.dip_id
        return [MessageRow(i, mpan, r.event_code, dip_id, r.correlation_id) for i, r in enumerate(replies)]
