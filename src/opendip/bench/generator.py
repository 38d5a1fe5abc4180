"""The process that sends: batches made, signed and posted over mutual TLS, each call timed."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import takewhile
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from time import monotonic, time
from typing import NamedTuple

import uvloop

from opendip.bench.children import Count
from opendip.bench.messages import BatchMaker
from opendip.bench.options import BenchOptions
from opendip.bench.transactions import read_submission
from opendip.client.certificates import UntrustedCertificate
from opendip.client.credentials import Credentials
from opendip.client.sender import Answer, GaveUp, Refused, Sender
from opendip.domain.market import Role
from opendip.simulator.consumption import CHANNEL

WARM_UP_BATCHES = 2
IN_FLIGHT = 4
"""Connections that send as fast as they are answered."""
_STEADY_CONNECTIONS = 100
_SEED = 2025


class Sent(NamedTuple):
    """One call: seconds since the epoch when it was due, left and was answered; the messages promised."""

    due_at: float
    sent_at: float
    answered_at: float
    submission: int
    accepted: int
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the process needs to know."""

    options: BenchOptions
    credentials: Path
    url: str
    sender: Role
    distributor: str
    mpans: tuple[str, ...]
    settlement_day: date
    environment: str


class Phase(NamedTuple):
    """A part of a run: what is sent in it, and about which metering points."""

    options: BenchOptions
    mpans: tuple[str, ...]


def generate(orders: Orders, accepted: Count, pipe: Connection) -> None:
    """Runs in its own process. Warms up, answers with its calls, waits for a word, sends all, answers again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_generate(orders, accepted, pipe))


def generate_phases(orders: Orders, accepted: Count, pipe: Connection) -> None:
    """Runs in its own process. Warms up and answers with its calls; then the same for each `Phase` it hears."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_generate_phases(orders, accepted, pipe))


async def _generate(orders: Orders, accepted: Count, pipe: Connection) -> None:
    connections = IN_FLIGHT if orders.options.rate is None else _STEADY_CONNECTIONS
    async with Sender(Credentials.load(orders.credentials), orders.url, connections=connections) as sender:
        load = _Load(sender, _make_maker(orders), orders.options, accepted)
        pipe.send(await load.warm_up())
        pipe.recv()
        pipe.send(await load.send_all())
        # Stays, so that its CPU time can be read, until it is ended.
        await asyncio.to_thread(pipe.recv)


async def _generate_phases(orders: Orders, accepted: Count, pipe: Connection) -> None:
    maker = _make_maker(orders)
    credentials = Credentials.load(orders.credentials)
    async with Sender(credentials, orders.url, connections=_STEADY_CONNECTIONS) as sender:
        pipe.send(await _Load(sender, maker, orders.options, accepted).warm_up())
        while True:
            phase: Phase = await asyncio.to_thread(pipe.recv)
            maker.choose(phase.mpans)
            pipe.send(await _Load(sender, maker, phase.options, accepted).send_all())


def _make_maker(orders: Orders) -> BatchMaker:
    return BatchMaker(
        Random(_SEED),  # noqa: S311 - the same values at each run.
        orders.sender,
        orders.distributor,
        orders.mpans,
        orders.settlement_day,
        orders.environment,
    )


class _Load:
    def __init__(self, sender: Sender, maker: BatchMaker, options: BenchOptions, accepted: Count) -> None:
        self._sender = sender
        self._maker = maker
        self._options = options
        self._accepted = accepted
        self._calls: list[Sent] = []

    async def warm_up(self) -> list[Sent]:
        for _ in range(WARM_UP_BATCHES):
            await self._send(self._make(self._options.batch), time())
        return self._hand_over()

    async def send_all(self) -> list[Sent]:
        if self._options.rate is None:
            batches = self._limit(self._options.list_batches())
            await asyncio.gather(*(self._send_as_answered(batches) for _ in range(IN_FLIGHT)))
        else:
            await self._send_steadily(self._options.rate)
        return self._hand_over()

    async def _send_as_answered(self, batches: Iterator[int]) -> None:
        for size in batches:
            body = self._make(size)
            await self._send(body, time())

    async def _send_steadily(self, rate: float) -> None:
        """Each batch when it is due, whether or not those before it were answered."""
        began, sent = time(), 0
        async with asyncio.TaskGroup() as group:
            for size in self._options.list_batches():
                body, due_at = self._make(size), began + sent / rate
                await asyncio.sleep(max(0.0, due_at - time()))
                group.create_task(self._send(body, due_at))
                sent += size

    def _limit(self, batches: Iterator[int]) -> Iterator[int]:
        seconds = self._options.seconds
        if seconds is None:
            return batches
        until = monotonic() + seconds
        return takewhile(lambda _: monotonic() < until, batches)

    def _make(self, size: int) -> bytes:
        return self._maker.make_batch(size, datetime.now(UTC))

    async def _send(self, body: bytes, due_at: float) -> None:
        sent_at = time()
        try:
            answer = await self._sender.send(CHANNEL, body)
        except (Refused, GaveUp, UntrustedCertificate) as fault:
            self._calls.append(Sent(due_at, sent_at, time(), 0, 0, str(fault)))
            return
        call = _describe(answer, due_at, sent_at, time())
        self._calls.append(call)
        self._accepted.value += call.accepted

    def _hand_over(self) -> list[Sent]:
        calls, self._calls = self._calls, []
        return calls


def _describe(answer: Answer, due_at: float, sent_at: float, answered_at: float) -> Sent:
    refusals = answer.refusals
    failure = f"{len(refusals)} messages: {refusals[0].message} {refusals[0].help}" if refusals else ""
    transaction = next((e.transactionID for e in answer.entries if e.transactionID), None)
    submission = read_submission(transaction) if transaction else 0
    return Sent(due_at, sent_at, answered_at, submission, len(answer.entries) - len(refusals), failure)
