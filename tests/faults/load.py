"""The load of a run: messages of several channels, of each of which it is known beforehand who must get it."""

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from msgspec import Raw, json

from opendip.client import Answer, Sender
from opendip.domain.problems import Problem
from tests.faults.history import Place, Sent
from tests.journeys.drafts import draft, get_common
from tests.journeys.market import (
    BOTH,
    BOTH_MPAN,
    DATA,
    DISTRIBUTOR,
    LAPSED_MPAN,
    METERING,
    MPANS,
    QUIET,
    QUIET_MPAN,
    REGISTRATION,
    RETRIEVAL,
    SETTLEMENT,
    SHAPING,
    SUPPLIER,
    UNKNOWN_MPAN,
)

_PLACEHOLDER = "S-XX-0000000000-XXX-20260321-0"
_NOBODY = "9900000099"
_RUN = uuid.uuid4().hex
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Kind:
    """A kind of message: what it is, who is due to get it, what its sender must be told at routing."""

    channel: str
    event_code: str
    sender: str
    role: str
    mpan: str | None
    due: frozenset[tuple[str, str]]
    told: tuple[str, ...] = ()
    options: tuple[tuple[str, object], ...] = ()

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(Place(*recipient, self.channel) for recipient in self.due)


def _due(*recipients: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(recipients)


_CENTRAL = ((SETTLEMENT, "MDS"), (SHAPING, "LSS"))
_READING = ("IF-021", "ActivePower", DATA, "SDS")
_SHORT = (("periods", 1),)
_START = ("IF-061", "MDRStart", DATA, "SDS", MPANS[0])
_INSTALLED = ("IF-006", "MeterInstall", REGISTRATION, "REGS", MPANS[1])
_FAILED = ("IF-007", "EnergisationStatusFailure", METERING, "MSS")
EXPIRING = "IF-007"
"""The channel whose messages are tried for a short time only; some of them are for QUIET, who has no webhook."""
KINDS: Sequence[tuple[Kind, int]] = (
    (Kind(*_READING, MPANS[0], _due((SUPPLIER, "SUP"), (DISTRIBUTOR, "LDSO"), *_CENTRAL), (), _SHORT), 5),
    (Kind(*_READING, BOTH_MPAN, _due((BOTH, "SUP"), (BOTH, "LDSO"), *_CENTRAL), (), _SHORT), 3),
    (Kind(*_READING, UNKNOWN_MPAN, _due(*_CENTRAL), ("MSG1038",), _SHORT), 1),
    (Kind(*_READING, LAPSED_MPAN, _due((DISTRIBUTOR, "LDSO"), *_CENTRAL), ("MSG1034",), _SHORT), 1),
    (Kind("IF-031", "MSApp", SUPPLIER, "SUP", MPANS[2], _due((REGISTRATION, "REGS"))), 4),
    (Kind(*_START, _due((RETRIEVAL, "MDR")), (), (("primary_recipients", (RETRIEVAL,)),)), 3),
    (Kind(*_START, _due(), ("MSG1031",), (("primary_recipients", (_NOBODY,)),)), 1),
    (Kind(*_FAILED, MPANS[3], _due((SUPPLIER, "SUP"))), 3),
    (Kind(*_FAILED, QUIET_MPAN, _due((QUIET, "SUP"))), 1),
    (
        Kind(
            *_INSTALLED,
            _due((METERING, "MSS"), (SUPPLIER, "SUP"), (DISTRIBUTOR, "LDSO")),
            (),
            (("primary_recipients", (METERING,)), ("correlation_id", "CI-20260321-0a1b")),
        ),
        4,
    ),
)
SENDERS = tuple(dict.fromkeys(kind.sender for kind, _ in KINDS))


@cache
def _make_template(kind: Kind) -> tuple[bytes, bytes]:
    """What stands before and after the reference."""
    who = {"sender": kind.sender, "role": kind.role, "mpan": kind.mpan}
    message = draft(kind.channel, kind.event_code, **who, **dict(kind.options))
    common = get_common(message)
    common["S1"]["senderUniqueReference"] = _PLACEHOLDER
    if "R0" in common:
        common["R0"]["responseCode"] = "A"
    before, after = json.encode(message).split(_PLACEHOLDER.encode())
    return before, after


def make_messages(kind: Kind, count: int) -> dict[str, Raw]:
    """Messages like no others, by their references."""
    before, after = _make_template(kind)
    start = f"S-{kind.channel}-{kind.sender}-{kind.role}-20260321-{_RUN}"
    references = [f"{start}{next(_numbers):08x}" for _ in range(count)]
    return {reference: Raw(before + reference.encode() + after) for reference in references}


@dataclass
class Load:
    """What has been sent, as far as it has been answered."""

    sent: list[Sent] = field(default_factory=list)
    calls: int = 0
    """Answered ones."""

    async def send(self, sender: Sender, kind: Kind, count: int, again: str | None = None) -> None:
        """One call, until it is answered. `again`: a reference that was taken before, and is sent once more."""
        messages = make_messages(kind, count)
        if again is not None:
            before, after = _make_template(kind)
            messages[again] = Raw(before + again.encode() + after)
        try:
            answer: Answer | None = await sender.send(kind.channel, list(messages.values()))
        except Problem:
            answer = None
        self._keep(kind, list(messages), answer)

    def _keep(self, kind: Kind, references: list[str], answer: Answer | None) -> None:
        entries = answer.entries if answer else []
        if answer is not None and len(entries) != len(references):
            raise AssertionError(f"{len(references)} messages were answered by {len(entries)} entries: {entries[:3]}")
        self.calls += answer is not None
        for place, reference in enumerate(references):
            entry = entries[place] if entries else None
            transaction = entry.transactionID if entry else None
            code = entry.code if entry else None
            self.sent.append(Sent(reference, transaction, code, kind.places, kind.told))

    async def keep_sending(
        self, sender: Sender, kinds: Sequence[tuple[Kind, int]], random: Random, stop: asyncio.Event
    ) -> None:
        """Call after call, each until it is answered."""
        weights = [weight for _, weight in kinds]
        taken: dict[Kind, str] = {}
        while not stop.is_set():
            [(kind, _)] = random.choices(kinds, weights)
            again = taken.get(kind) if random.random() < 0.02 else None
            await self.send(sender, kind, random.choice((1, 2, 5, 20, 60)), again)
            last = self.sent[-1]
            if last.is_accepted:
                taken[kind] = last.reference
            await asyncio.sleep(random.random() / 2)
