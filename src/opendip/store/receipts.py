"""Who was sent what: found for many transaction ids at once, from the ids and the addresses of their chunks."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from opendip.domain.references import (
    TransactionId,
    find_transaction,
    format_index,
    format_transaction_prefix,
    strip_replay_prefix,
)
from opendip.store.archive import ChunkAddressing
from opendip.store.chunks import MESSAGES_IN_A_CHUNK
from opendip.store.pool import Pool
from opendip.store.queries import load_queries
from opendip.store.submissions import ChunkKey

_IDS_AT_ONCE = 500
_CHUNKS_AT_ONCE = 100
_LAST_SUBMISSION = 2**63 - 1


class Receipt(NamedTuple):
    """A message that was sent on: by whom, and to which DIP ids."""

    sender: str
    recipients: frozenset[str]


_decode_a0 = msgspec.json.Decoder(dict[str, list[str]]).decode
_Wanted = Mapping[ChunkKey, Sequence[tuple[str, TransactionId]]]


async def find_receipts(pool: Pool, transaction_ids: Iterable[str]) -> dict[str, Receipt]:
    """Those of the ids that are ones of messages that were sent on; ids of replays count as the first ones.

    However many there are, they are looked up in steps, between which others are served.
    """
    wanted = await _group(transaction_ids)
    keys = sorted(wanted, key=lambda key: (key.accepted_on, key.submission, key.number))
    found: dict[str, Receipt] = {}
    for first in range(0, len(keys), _CHUNKS_AT_ONCE):
        found |= await _look_up(pool, keys[first : first + _CHUNKS_AT_ONCE], wanted)
        await asyncio.sleep(0)
    return found


async def _group(texts: Iterable[str]) -> _Wanted:
    wanted: dict[ChunkKey, list[tuple[str, TransactionId]]] = defaultdict(list)
    for done, text in enumerate(dict.fromkeys(texts)):
        if done % _IDS_AT_ONCE == 0:
            await asyncio.sleep(0)
        transaction = find_transaction(text)
        if transaction is not None and _is_ours(text, transaction):
            number = transaction.message_index // MESSAGES_IN_A_CHUNK
            wanted[ChunkKey(transaction.submission, number, transaction.accepted_on)].append((text, transaction))
    return wanted


def _is_ours(text: str, transaction: TransactionId) -> bool:
    """Whether it is written as the DIP writes it: a message has one id, not one for each number of leading zeros."""
    channel, dip_id, role, accepted_on, submission, index, _ = transaction
    prefix = format_transaction_prefix(channel, dip_id, role, accepted_on, submission)
    return submission <= _LAST_SUBMISSION and strip_replay_prefix(text) == prefix + format_index(index)


async def _look_up(pool: Pool, keys: Sequence[ChunkKey], wanted: _Wanted) -> dict[str, Receipt]:
    days = {(k.submission, k.number): k.accepted_on for k in keys}
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            load_queries("receipts")["list_addressings"],
            [k.submission for k in keys],
            [k.number for k in keys],
            [k.accepted_on for k in keys],
            keys[0].accepted_on,
            keys[-1].accepted_on,
        )
    found: dict[str, Receipt] = {}
    for submission, number, channel, content in rows:
        key = ChunkKey(submission, number, days[submission, number])
        chunk = _Chunk(channel, ChunkAddressing.unpack(content))
        for text, transaction in wanted[key]:
            receipt = chunk.find_receipt(transaction)
            if receipt is not None:
                found[text] = receipt
    return found


class _Chunk:
    """The addresses of one chunk."""

    def __init__(self, channel: str, addressing: ChunkAddressing) -> None:
        self._channel = channel
        self._addressing = addressing
        self._recipients: dict[int, frozenset[str]] = {}

    def find_receipt(self, transaction: TransactionId) -> Receipt | None:
        place = transaction.message_index % MESSAGES_IN_A_CHUNK
        if transaction.channel != self._channel or place >= len(self._addressing.of):
            return None
        block = self._addressing.of[place]
        if block < 0 or not self._is_sender(place, transaction):
            return None
        return Receipt(transaction.dip_id, self._list_recipients(block))

    def _is_sender(self, place: int, transaction: TransactionId) -> bool:
        """The sender in the id is the message's. Of chunks routed before senders were kept, it is believed."""
        addressing = self._addressing
        if not addressing.senders:
            return True
        return addressing.senders[addressing.sent_by[place]] == (transaction.dip_id, transaction.role)

    def _list_recipients(self, block: int) -> frozenset[str]:
        recipients = self._recipients.get(block)
        if recipients is None:
            a0 = _decode_a0(self._addressing.blocks[block])
            recipients = frozenset(dip_id for kind in a0.values() for dip_id in kind)
            self._recipients[block] = recipients
        return recipients
