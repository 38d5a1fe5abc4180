"""What recipients do with what they took: complain of it to its sender, and ask to have it again (E2E 4.7, 4.9)."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from opendip.client import Sender
from opendip.client.replaying import ReplayRequest
from opendip.client.types import ResponseEntry, format_timestamp
from opendip.domain.problems import Problem
from opendip.domain.references import find_transaction
from tests.faults.history import STATUS, Place, Post, Told
from tests.faults.recipients import Log

_LOOKED_AT = 400
_RANGE = timedelta(seconds=3)
_numbers = itertools.count(1)


@dataclass
class Afterwards:
    """What the DIP has taken of it."""

    relayed: list[Told] = field(default_factory=list)
    requeued: list[tuple[Place, str]] = field(default_factory=list)
    _asked: set[tuple[str, str]] = field(default_factory=set)

    async def complain(self, sender: Sender, dip_id: str, log: Log, random: Random) -> None:
        """About some messages that this recipient has taken."""
        taken = [(post, key) for post in _list_recent(log, dip_id) for key in _list_taken(post)]
        told = [
            (Told(key, dip_id, f"REG1020 - Complaint {next(_numbers)}"), post.transactions[key])
            for post, key in random.sample(taken, min(len(taken), 5))
        ]
        if not told:
            return
        try:
            answer = await sender.send_statuses([_make_status(each, transaction) for each, transaction in told])
        except Problem:
            return
        for (each, _), entry in zip(told, answer.entries, strict=True):
            assert entry.code == "MSG0000", entry
            self.relayed.append(each)

    async def ask_again(self, sender: Sender, dip_id: str, log: Log, random: Random) -> None:
        """For a few messages by their transaction ids, each of them once."""
        known = [
            (post, key)
            for post in _list_recorded(_list_recent(log, dip_id))
            for key in _list_taken(post)
            if (dip_id, key) not in self._asked
        ]
        if not known:
            return
        post, _ = random.choice(known)
        keys = [k for p, k in known if p.place.channel == post.place.channel][:3]
        transactions = {k: p.transactions[k] for p, k in known if k in keys}
        self._asked |= {(dip_id, k) for k in keys}
        try:
            await sender.requeue(post.place.channel, ReplayRequest(transaction_ids=tuple(transactions.values())))
        except Problem:
            return
        self.requeued += [(Place(dip_id, "", post.place.channel), k) for k in transactions]

    async def ask_for_all(self, sender: Sender, channel: str) -> None:
        """What came within the last seconds, by a job in the background."""
        try:
            await sender.requeue(channel, ReplayRequest(since=datetime.now(UTC) - _RANGE))
        except Problem:
            return

    async def keep_on(self, sender: Sender, dip_id: str, log: Log, random: Random, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(random.random() * 4)
            match random.choices(("complain", "ask again", "ask for all"), (5, 4, 1)):
                case ["complain"]:
                    await self.complain(sender, dip_id, log, random)
                case ["ask again"]:
                    await self.ask_again(sender, dip_id, log, random)
                case _:
                    if posts := [p for p in _list_recent(log, dip_id) if p.place.channel != STATUS]:
                        await self.ask_for_all(sender, posts[-1].place.channel)


def _list_recent(log: Log, dip_id: str) -> list[Post]:
    return [post for post in log.posts[-_LOOKED_AT:] if post.place.dip_id == dip_id and post.place.channel != STATUS]


def _list_taken(post: Post) -> list[str]:
    """First deliveries only: of a replay nobody complains here."""
    return [key for key, said in post.said.items() if said is None and not key.startswith("R-")]


def _list_recorded(posts: list[Post]) -> Iterator[Post]:
    """Those after which others came to the same place: the DIP goes on only once it has recorded the answer."""
    for number, post in enumerate(posts):
        after = (later for later in posts[number + 1 :] if later.place == post.place)
        if any(later.began_at > post.ended_at and not set(later.keys) & set(post.keys) for later in after):
            yield post


def _make_status(told: Told, transaction: str) -> ResponseEntry:
    found = find_transaction(transaction)
    assert found is not None
    at = format_timestamp(datetime.now(UTC))
    return ResponseEntry(transaction, None, None, at, told.from_dip_id, found.dip_id, None, told.text, "As a test.")
