"""A participant at work: it sends over its own connection (or its provider's), receives, and reacts."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from random import Random
from time import monotonic
from typing import TypeVar

import msgspec

from opendip.catalogue import Catalogue
from opendip.client.batches import ReceivedBatch, ReceivedStatuses
from opendip.client.sender import Sender
from opendip.domain.market import Role
from opendip.domain.problems import Problem
from opendip.domain.references import format_timestamp
from opendip.simulator import consumption
from opendip.simulator.actors import Knowledge, find_reaction, read_message
from opendip.simulator.drafts import Draft, Stamp, encode_draft
from opendip.simulator.ledger import Ledger
from opendip.simulator.market import DATA_ROLES, MeteringPoint, Player
from opendip.simulator.postings import Posting
from opendip.simulator.recipients import Directory

MESSAGES_IN_A_CALL = 1000

Postings = dict[str, Posting]
"""By sender unique reference."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Scene:
    """What all participants of a simulated day share."""

    environment: str
    catalogue: Catalogue
    directory: Directory
    known: Knowledge
    ledger: Ledger
    now: Callable[[], datetime]

    def stamp(self, draft: Draft, reference: str) -> Stamp:
        schema_version = self.catalogue.channels[draft.channel].schema_version
        return Stamp(reference, format_timestamp(self.now()), self.environment, schema_version)


class Station:
    """One participant. `work` must run for it to react."""

    def __init__(self, player: Player, sender: Sender, scene: Scene) -> None:
        self.player = player
        self._sender = sender
        self._scene = scene
        self._inbox: asyncio.Queue[list[msgspec.Raw]] = asyncio.Queue()
        self._under_way = 0
        self._references = 0

    @property
    def is_idle(self) -> bool:
        """Whether it has reacted to all that it has received."""
        return self._under_way == 0

    async def take_messages(self, batch: ReceivedBatch) -> None:
        """The webhook for messages: noted at once, reacted to later."""
        at, raws = monotonic(), batch.list_raw()
        for header, raw in zip(batch.headers, raws, strict=True):
            reference = header.payload.CommonBlock.S1.senderUniqueReference
            self._scene.ledger.note_delivery(self.player.dip_id, reference, raw, at)
        if find_reaction(self.player.roles, batch.interface_id):
            self._under_way += 1
            self._inbox.put_nowait(raws)

    async def take_statuses(self, statuses: ReceivedStatuses) -> None:
        for entry in statuses.entries:
            self._scene.ledger.note_status(self.player.dip_id, f"{entry.message} ({entry.help})")

    async def work(self) -> None:
        """React to whatever comes, until cancelled."""
        while True:
            raws = await self._inbox.get()
            await self.send([draft for raw in raws for draft in self._react(raw)])
            self._under_way -= 1

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Send the drafts, a call for each channel and thousand."""
        for channel, group in groupby(sorted(drafts, key=_get_channel), key=_get_channel):
            for part in _split(list(group)):
                await self._call(channel, dict(map(self._prepare, part)))

    def prepare_consumption(
        self, points: Sequence[MeteringPoint], settlement_day: date, random: Random
    ) -> list[Postings]:
        """The consumption of each metering point on that day, a thousand in a call, for `send_consumption`."""
        return [
            dict(self._prepare_consumption(point, settlement_day, random) for point in part) for part in _split(points)
        ]

    async def send_consumption(self, calls: Iterable[Postings]) -> None:
        """Send what was prepared, one call after the other."""
        for postings in calls:
            await self._call(consumption.CHANNEL, postings)

    def _react(self, raw: msgspec.Raw) -> Iterator[Draft]:
        received = read_message(raw)
        reaction = find_reaction(self.player.roles, received.channel)
        assert reaction is not None
        return reaction(received, self._scene.known.points[received.mpan], self._scene.known)

    async def _call(self, channel: str, postings: Postings) -> None:
        ledger, at = self._scene.ledger, monotonic()
        for reference, posting in postings.items():
            ledger.post(reference, posting, at)
        body = b"[" + b",".join(posting.raw for posting in postings.values()) + b"]"
        try:
            answer = await self._sender.send(channel, body)
        except Problem as problem:
            ledger.note_refused_call(postings, str(problem))
        else:
            ledger.note_answer(answer.entries)

    def _prepare(self, draft: Draft) -> tuple[str, Posting]:
        channel = self._scene.catalogue.channels[draft.channel]
        reference = self._make_reference(draft.channel, draft.role)
        recipients = self._scene.directory.find_recipients(
            channel.get_route(draft.event_code, draft.response_code),
            draft.named,
            draft.point,
            self._scene.known.today,
        )
        raw = encode_draft(draft, self.player, self._scene.stamp(draft, reference))
        mpan, correlation = draft.point.mpan, draft.correlation_id
        return reference, Posting(channel, draft.event_code, mpan, correlation, raw, recipients)

    def _prepare_consumption(self, point: MeteringPoint, settlement_day: date, random: Random) -> tuple[str, Posting]:
        channel = self._scene.catalogue.channels[consumption.CHANNEL]
        role = point.get_responsible(DATA_ROLES, settlement_day).role
        reference = self._make_reference(channel.id, role)
        raw = consumption.make_consumption(
            random,
            mpan=point.mpan,
            sender=Role(self.player.dip_id, role),
            distributor=point.distributor,
            settlement_day=settlement_day,
            reference=reference,
            sent_at=format_timestamp(self._scene.now()),
            environment=self._scene.environment,
            provider=self.player.provider,
        )
        # FS 5.5.14: consumption goes to whoever was responsible on its settlement day.
        recipients = self._scene.directory.find_recipients(channel.get_route("ActivePower"), (), point, settlement_day)
        return reference, Posting(channel, "ActivePower", point.mpan, None, raw, recipients)

    def _make_reference(self, channel: str, role: str) -> str:
        self._references += 1
        day = f"{self._scene.known.today:%Y%m%d}"
        return f"S-{channel}-{self.player.dip_id}-{role}-{day}-{self._references:08x}"


def _get_channel(draft: Draft) -> str:
    return draft.channel


def _split(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for first in range(0, len(items), MESSAGES_IN_A_CALL):
        yield items[first : first + MESSAGES_IN_A_CALL]
