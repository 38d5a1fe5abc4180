"""The process that receives: a webhook server for each participant, every delivery proved, answered and timed."""

import asyncio
import gc
import signal
from array import array
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import time
from typing import NamedTuple

import uvloop

from opendip.bench.children import Count
from opendip.bench.transactions import list_numbers
from opendip.client.batches import ReceivedBatch, ReceivedStatuses
from opendip.client.credentials import Credentials
from opendip.client.receiver import Receiver


@dataclass(frozen=True, slots=True)
class Post:
    """Where one participant receives."""

    dip_id: str
    port: int
    credentials: Path


class Delivery(NamedTuple):
    """One POST: to whom, when it was answered in seconds since the epoch, and which messages it held."""

    dip_id: str
    answered_at: float
    messages: "array[int]"


class Received(NamedTuple):
    """Everything that came."""

    deliveries: list[Delivery]
    statuses: list[str]


def receive(posts: Sequence[Post], delivered: Count, pipe: Connection) -> None:
    """Runs in its own process. Says when it listens, receives until it is told to stop, answers with what came."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_receive(posts, delivered, pipe))


async def _receive(posts: Sequence[Post], delivered: Count, pipe: Connection) -> None:
    log = _Log(delivered)
    async with AsyncExitStack() as stack:
        for post in posts:
            await stack.enter_async_context(_make_receiver(post, log))
        gc.collect()
        gc.freeze()
        pipe.send("listening")
        await asyncio.to_thread(pipe.recv)
    pipe.send(Received(log.deliveries, log.statuses))


def _make_receiver(post: Post, log: "_Log") -> Receiver:
    async def take_messages(batch: ReceivedBatch) -> None:
        log.note_later(post.dip_id, array("q", list_numbers(batch.transaction_ids)))

    async def take_statuses(statuses: ReceivedStatuses) -> None:
        log.statuses += [f"{entry.message} ({entry.help})" for entry in statuses.entries]

    credentials = Credentials.load(post.credentials)
    return Receiver(credentials, port=post.port, on_messages=take_messages, on_status=take_statuses)


class _Log:
    def __init__(self, delivered: Count) -> None:
        self.deliveries: list[Delivery] = []
        self.statuses: list[str] = []
        self._delivered = delivered

    def note_later(self, dip_id: str, messages: "array[int]") -> None:
        # The receiver makes and writes the answer before the loop comes to anything else: to this.
        asyncio.get_running_loop().call_soon(self._note, dip_id, messages)

    def _note(self, dip_id: str, messages: "array[int]") -> None:
        self.deliveries.append(Delivery(dip_id, time(), messages))
        self._delivered.value += len(messages)
