"""Routing a load of submissions from the intake to the queues, in one transaction.

Taken from the intake, addressed, queued: all commits together, or the submissions wait in the intake as before.
"""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from opendip.domain.addressing import Addressing, address
from opendip.domain.market import STATUS_WEBHOOK, Market, Role
from opendip.domain.outcomes import Fault
from opendip.domain.publications import Publisher, name_transaction
from opendip.domain.statuses import Subject, encode_status
from opendip.stages.route.channels import RoutingChannel
from opendip.stages.route.messages import Responsible, RoutedMessage, look_up, read_message
from opendip.store.archive import Archive, ChunkAddressing, publish_chunk
from opendip.store.chunks import MESSAGES_IN_A_CHUNK, unpack_chunk
from opendip.store.pool import DATABASE_FAULTS, Connection, Pool
from opendip.store.queues import NewEntry, QueueName, append_entries, list_queues
from opendip.store.submissions import (
    ChunkKey,
    Submitted,
    keep_addressing,
    list_chunks,
    list_submissions,
    set_aside,
    take_intake,
)

_ASIDE = timedelta(minutes=1)

log = structlog.get_logger()

_UNREADABLE_DAY = Addressing(
    None,
    (Fault("MSG1030", "The day this message is about, at which it is addressed, cannot be read as a date."),),
)


@dataclass(slots=True)
class _Routed:
    """What routing one submission has come to."""

    submitted: Submitted
    members: dict[Role, list[int]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    addressing: list[tuple[ChunkKey, bytes]] = field(default_factory=list)


class Router:
    """Routes submissions for one worker."""

    def __init__(
        self,
        channels: Mapping[str, RoutingChannel],
        archive: Archive,
        response_texts: Mapping[str, str],
        dip_id: str,
    ) -> None:
        self._channels = channels
        self._archive = archive
        self._texts = response_texts
        self._dip_id = dip_id
        self._queues: dict[QueueName, int] = {}
        self._at: int | None = None
        """The submission being routed."""

    async def route_waiting(self, pool: Pool, market: Market, now: datetime, most: int) -> int:
        """Routes submissions of about `most` messages; answers how many. What others are routing is left to them.

        One that cannot be routed is set aside, and told to the operator; it holds up no other.
        """
        self._at = None
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await self._route_taken(connection, market, now, most)
        except BaseException as error:
            # What was made in a transaction that failed is not there: neither queues nor addresses.
            self._queues.clear()
            self._archive.clear()
            if self._at is None or not isinstance(error, Exception) or isinstance(error, DATABASE_FAULTS):
                raise
            log.error("submission_not_routed", submission=self._at, error=type(error).__name__)
            async with pool.acquire() as connection:
                await set_aside(connection, self._at, _ASIDE)
            return 1

    async def _route_taken(self, connection: Connection, market: Market, now: datetime, most: int) -> int:
        waiting = await take_intake(connection, most)
        if not waiting:
            return 0
        keys = [(w.submission, w.accepted_on) for w in waiting]
        submitted = await list_submissions(connection, keys)
        chunks: dict[int, list[bytes]] = defaultdict(list)
        for submission, _, content in await list_chunks(connection, keys):
            chunks[submission].append(content)
        routed = [await self._route(connection, submitted[number], chunks[number], market, now) for number, _ in keys]
        self._at = None
        await self._keep(connection, routed, now)
        return len(routed)

    async def _route(
        self,
        connection: Connection,
        submitted: Submitted,
        chunks: Sequence[bytes],
        market: Market,
        now: datetime,
    ) -> _Routed:
        self._at = submitted.id
        channel = self._channels[submitted.channel]
        routed = _Routed(submitted)
        refused = frozenset(submitted.refused or ())
        publisher = Publisher(self._archive.wrap(submitted))
        addressed = _Addressed(channel, market, submitted)
        for number, content in enumerate(chunks):
            first = number * MESSAGES_IN_A_CHUNK
            messages = [
                None if index in refused else read_message(raw, index, channel, submitted.accepted_on)
                for index, raw in enumerate(unpack_chunk(content), first)
            ]
            responsible = await look_up(connection, channel, messages)
            addressing = self._address_chunk(messages, responsible, addressed, routed, publisher, now)
            headers = [None if m is None else m.header for m in messages]
            self._archive.keep(submitted.id, number, publish_chunk(publisher, first, headers, addressing))
            key = ChunkKey(submitted.id, number, submitted.accepted_on)
            routed.addressing.append((key, addressing.pack()))
            await asyncio.sleep(0)
        return routed

    def _address_chunk(
        self,
        messages: Sequence[RoutedMessage | None],
        responsible: Responsible,
        addressed: "_Addressed",
        routed: _Routed,
        publisher: Publisher,
        now: datetime,
    ) -> ChunkAddressing:
        blocks: dict[bytes, int] = {}
        senders: dict[tuple[str, str], int] = {}
        of: list[int] = []
        sent_by: list[int] = []
        for message in messages:
            if message is None:
                of.append(-1)
                sent_by.append(-1)
                continue
            sender = message.header.sender
            sent_by.append(senders.setdefault((sender.senderDIPID, sender.senderRoleID), len(senders)))
            found = addressed.address(message, responsible)
            for fault in found.faults:
                self._report(message, fault, publisher, routed, now)
            if found.addresses is None:
                of.append(-1)
                continue
            of.append(blocks.setdefault(found.addresses.block, len(blocks)))
            for recipient in found.addresses.recipients:
                routed.members[recipient].append(message.index)
        return ChunkAddressing(list(blocks), of, list(senders), sent_by)

    def _report(
        self, message: RoutedMessage, fault: Fault, publisher: Publisher, routed: _Routed, now: datetime
    ) -> None:
        """E2E 5.1.3: an error of level 2 is told to the sender, once for each fault."""
        wrapper, sender = publisher.wrapper, message.header.sender
        correlation = publisher.find_created_correlation(message.header, message.index) or sender.senderCorrelationID
        transaction = name_transaction(wrapper, sender, message.index)
        subject = Subject(transaction, sender, correlation, wrapper.ticket_url)
        text = f"{fault.code} - {self._texts[fault.code]}"
        entry = encode_status(subject, self._dip_id, text, fault.help, now)
        routed.statuses[sender.senderDIPID].append(entry)

    async def _keep(self, connection: Connection, routed: Sequence[_Routed], now: datetime) -> None:
        await self._learn_queues(connection, routed)
        entries = [
            NewEntry(
                self._queues[QueueName(*recipient, one.submitted.channel)],
                one.submitted.id,
                one.submitted.accepted_on,
                members,
            )
            for one in routed
            for recipient, members in one.members.items()
        ]
        statuses: dict[int, list[bytes]] = defaultdict(list)
        for one in routed:
            for dip_id, texts in one.statuses.items():
                statuses[self._queues[_name_status_queue(dip_id)]] += texts
        await keep_addressing(connection, [row for one in routed for row in one.addressing])
        await append_entries(connection, entries, statuses, now)

    async def _learn_queues(self, connection: Connection, routed: Sequence[_Routed]) -> None:
        names = {QueueName(*r, one.submitted.channel) for one in routed for r in one.members}
        names |= {_name_status_queue(dip_id) for one in routed for dip_id in one.statuses}
        unknown = names - self._queues.keys()
        if unknown:
            self._queues |= await list_queues(connection, unknown)


class _Addressed:
    """Addresses the messages of one submission; what is alike is worked out once."""

    def __init__(self, channel: RoutingChannel, market: Market, submitted: Submitted) -> None:
        self.channel = channel
        self._market = market
        self._accepted_on = submitted.accepted_on
        self._known: dict[Hashable, Addressing] = {}

    def address(self, message: RoutedMessage, responsible: Responsible) -> Addressing:
        if message.days is None:
            return _UNREADABLE_DAY
        header = message.header
        book = message.list_responsible(responsible)
        key = (header.event_code, header.response_code, header.named_recipients, message.mpan is None, book)
        found = self._known.get(key)
        if found is None:
            route = self.channel.get_route(header.event_code, header.response_code)
            found = self._known[key] = address(
                route, header.named_recipients, message.mpan, book, self._market, self._accepted_on
            )
        return found


def _name_status_queue(dip_id: str) -> QueueName:
    return QueueName(dip_id, "", STATUS_WEBHOOK)
