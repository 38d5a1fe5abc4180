"""The consumption records of a metering point: IF-021 that data services sent, IF-013 that they were sent."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import cast

import msgspec
from msgspec import Raw

from opendip.catalogue import Catalogue
from opendip.domain.consumption import History, is_within
from opendip.domain.dates import ListDays, compile_days
from opendip.domain.publications import Header
from opendip.store.archive import ChunkAddressing
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.consumption import Record, RecordSearch, list_records
from opendip.store.pool import Connection
from opendip.store.submissions import ChunkKey, list_addressed_chunks

SENT, RECEIVED = "IF-021", "IF-013"
DATA_SERVICE = "ADS"
_RECORDS_AT_A_TIME = 1000


class _Addressed(msgspec.Struct, gc=False, rename="camel"):
    primary_recipients: list[str | None] = []
    secondary_recipients: list[str | None] = []
    always: list[str | None] = []


_decode_addressed = msgspec.json.Decoder(_Addressed).decode


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and its place in the archive."""

    header: Header
    submission: int
    message_index: int


class RecordFinder:
    """Finds the records of one metering point, in the order in which the DIP took them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._list_days: Mapping[str, ListDays] = {
            name: compile_days(catalogue.channels[name].applies_at or ()) for name in (SENT, RECEIVED)
        }

    async def find(self, connection: Connection, mpan: int, history: History) -> AsyncIterator[Found]:
        """Each once. At most one chunk is in memory at a time.

        What is about a day is taken on that day or later, so the search begins with the first day.
        """
        services = history.data_services
        search = RecordSearch(mpan, history.days.starts_on, SENT, services, RECEIVED)
        after = (0, -1)
        while page := await list_records(connection, search, after, _RECORDS_AT_A_TIME):
            for key, records in groupby(page, _find_chunk):
                async for found in self._choose(connection, key, [*records], history):
                    yield found
            after = (page[-1].submission, page[-1].message_index)

    async def _choose(
        self, connection: Connection, key: ChunkKey, records: list[Record], history: History
    ) -> AsyncIterator[Found]:
        # A chunk that is not there has not been routed yet: nobody has its messages.
        for _, _, content, addressing in await list_addressed_chunks(connection, [key]):
            messages, addressed = unpack_chunk(content), ChunkAddressing.unpack(addressing)
            for record in records:
                place = record.message_index % MESSAGES_IN_A_CHUNK
                if addressed.of[place] < 0:
                    continue
                header = Header(messages[place])
                if self._is_theirs(record, header, addressed.blocks[addressed.of[place]], history):
                    yield Found(header, record.submission, record.message_index)

    def _is_theirs(self, record: Record, header: Header, address_block: bytes, history: History) -> bool:
        if record.channel == SENT:
            is_theirs = header.sender.senderRoleID == DATA_SERVICE
        else:
            addressed = _decode_addressed(address_block)
            recipients = (*addressed.primary_recipients, *addressed.secondary_recipients, *addressed.always)
            is_theirs = not history.data_services.isdisjoint(recipients)
        return is_theirs and is_within(history.days, self._read_days(record, header))

    def _read_days(self, record: Record, header: Header) -> frozenset[date]:
        """As it was routed: one without days of its own is about the day of its acceptance."""
        days = self._list_days[record.channel](cast(Raw, header.body)) if header.has_body else None
        return days or frozenset((record.accepted_on,))


def _find_chunk(record: Record) -> ChunkKey:
    return ChunkKey(record.submission, record.message_index // MESSAGES_IN_A_CHUNK, record.accepted_on)
