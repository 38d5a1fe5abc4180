"""What arrives at a participant's webhooks, kept until a test asks for it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opendip.client import Credentials, ReceivedBatch, ReceivedStatuses, Receiver, ResponseEntry
from tests.journeys.waiting import eventually

Answering = Callable[[ReceivedBatch], Awaitable[Mapping[str, str] | None]]


@dataclass(frozen=True)
class Arrival:
    """One message as it came: with whom it was for (X-DIP-MPO), and the batch it was in."""

    message: dict[str, Any]
    mpo: str | None
    batch: int
    batch_bytes: int

    @property
    def common(self) -> dict[str, Any]:
        block: dict[str, Any] = self.message["payload"]["CommonBlock"]
        return block


async def take_all(_: ReceivedBatch) -> None:
    return None


class Inbox:
    """A receiver that verifies every call and keeps all it is given; `answering` replaces what it answers."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.arrivals: dict[str, list[Arrival]] = {}
        self.calls: list[ReceivedBatch] = []
        self.statuses: list[ResponseEntry] = []
        self.status_batches: list[int] = []
        self.answering: Answering = take_all
        self.receiver = Receiver(
            Credentials.load(directory), port=port, on_messages=self._take_messages, on_status=self._take_statuses
        )
        self.receiver.add_messages("/elsewhere", self._take_messages)

    @property
    def url(self) -> str:
        return self.receiver.url

    async def _take_messages(self, batch: ReceivedBatch) -> Mapping[str, str] | None:
        self.calls.append(batch)
        refused = await self.answering(batch) or {}
        for header, message in zip(batch.headers, batch.decode(), strict=True):
            if header.transaction_id not in refused:
                arrival = Arrival(message, batch.delivery.mpo, len(batch), len(batch.body))
                self.arrivals.setdefault(header.transaction_id, []).append(arrival)
        return refused

    async def _take_statuses(self, statuses: ReceivedStatuses) -> None:
        self.statuses += statuses.entries
        self.status_batches.append(len(statuses.entries))

    async def wait_for(self, *transactions: str) -> list[Arrival]:
        """The first arrival of each."""
        await eventually(lambda: set(transactions) <= self.arrivals.keys(), "all messages have arrived")
        return [self.arrivals[transaction][0] for transaction in transactions]

    async def wait_for_roles(self, transaction: str, *roles: str) -> Counter[str]:
        """How often it came in each role, once it has come in all of these."""

        def count() -> Counter[str]:
            return Counter((a.mpo or "").partition(";")[2] for a in self.arrivals.get(transaction, ()))

        await eventually(lambda: set(roles) <= count().keys(), f"the message has arrived for {roles}")
        return count()

    async def wait_for_status(self, transaction: str) -> ResponseEntry:
        def find() -> ResponseEntry | None:
            return next((entry for entry in self.statuses if entry.transactionID == transaction), None)

        found = await eventually(find, "a status message about it has arrived")
        assert found is not None
        return found
