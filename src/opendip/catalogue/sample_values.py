"""Made-up values for the shapes of the catalogue: well-formed identifiers, fitting texts, consecutive days."""

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from opendip.catalogue.model import Catalogue, Choice, Flag, Number, Record, Reference, Shape, Text
from opendip.catalogue.model import Sequence as ListOf

MPAN_WEIGHTS = (3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43)
HALF_HOUR = timedelta(minutes=30)
PERIOD_LISTS = frozenset(
    {"consumptionPeriods", "defaultedConsumptionPeriods", "MDRConsumptionPeriods", "LSGroupSettlementPeriods"}
)
DAY_LISTS = frozenset({"settlementDayConsumptionPeriods", "B941List", "B903List", "B912List"})
PERIOD_ENDS = frozenset({"sp", "settlementPeriodEffectiveToDateTime"})
USUAL = {"q": "A", "responseCode": "A"}
"""Consumption is actual and requests are accepted, unless a test says otherwise."""

TOKEN = re.compile(r"(\\.|\[[^\]]*\]|[^\\^$])(?:\{(\d+)(?:,(\d+))?\})?\??")
WORDS = {
    "AddressLine": ("1 Example Street", "Madeup", "Nowhereshire"),
    "UKPostCode": ("ZZ1 1ZZ",),
    "Email": ("billing@example.com",),
    "Telephone": ("020 7946 0000",),
    "URL": ("https://example.com/tickets/1",),
    "URI": ("https://example.com/assets/1",),
    "GUID": ("00-DB-12-34-56-78-90-A0",),
}
"""A part of a definition's or property's name, to values for it."""


def make_dip_id(random: Random) -> str:
    """Ten digits."""
    return f"9{random.randrange(10**9):09}"


def make_mpan(random: Random) -> str:
    """Thirteen digits with a right check digit, of a distributor that does not exist (99)."""
    core = f"99{random.randrange(10**10):010}"
    total = sum(int(digit) * weight for digit, weight in zip(core, MPAN_WEIGHTS, strict=True))
    return f"{core}{total % 11 % 10}"


def make_reference(channel_id: str, sender: str, role: str, day: date, random: Random) -> str:
    """A sender unique reference. Its published pattern has no room for the A of REP-002A: it is left out."""
    channel = channel_id.rstrip("AB")
    return f"S-{channel}-{sender}-{role}-{day:%Y%m%d}-{random.getrandbits(80):020x}"


def write_time(moment: datetime) -> str:
    """The 25 characters every time in a message has."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class Sampler:
    """Makes values of shapes; remembers the settlement day and period it is in."""

    catalogue: Catalogue
    random: Random
    sent_at: datetime
    days: Sequence[date]
    periods: int
    is_complete: bool
    day: int = 0
    period: int = 0

    def make_record(self, shape: Record) -> dict[str, Any]:
        """The required properties, or all of them when complete."""
        kept = (p for p in shape.properties if p.is_required or self.is_complete or p.name == "P03")
        return {p.name: self._make(p.shape, p.name) for p in kept}

    def _make(self, shape: Shape, name: str) -> Any:
        described = f"{name} {shape.name}" if isinstance(shape, Reference) else name
        while isinstance(shape, Reference):
            described = f"{described} {shape.name}"
            shape = self.catalogue.definitions[shape.name]
        match shape:
            case Record():
                return self.make_record(shape)
            case ListOf():
                return list(self._make_items(shape, name))
            case Text():
                return self._make_text(shape, described)
            case Number():
                return self._make_number(shape)
            case Flag():
                return self.random.random() < 0.5
            case Choice(options):
                return self._make(self.random.choice(options), name)

    def _make_items(self, shape: ListOf, name: str) -> Iterator[Any]:
        count = max(1, shape.min_items)
        if name in DAY_LISTS:
            count = len(self.days)
        elif name in PERIOD_LISTS:
            count = self.periods
        elif name == "responseMessages":
            count = 0
        for index in range(count):
            self._move_to(name, index)
            yield self._make(shape.items, name)

    def _move_to(self, name: str, index: int) -> None:
        if name in DAY_LISTS:
            self.day = index
        elif name in PERIOD_LISTS:
            self.period = index

    def _make_text(self, shape: Text, described: str) -> str | None:
        name = described.split(" ", 1)[0]
        if shape.is_nullable and (not self.is_complete or self.random.random() < 0.1):
            return None
        if shape.values:
            return shape.values[0] if {"A", name} & {"q", shape.values[0]} else self.random.choice(shape.values)
        if shape.format == "byte":
            return base64.b64encode(gzip.compress(json.dumps({"report": "made up"}).encode(), mtime=0)).decode()
        return self._make_known(described, name) or self._make_fitting(shape, described)

    def _make_known(self, described: str, name: str) -> str | None:
        """A value of a kind the definition's name tells."""
        if "DateTime" in described or "DT-021" in described:
            return self._make_time(name)[: 10 if "DT-021" in described else 25]
        makers: dict[str, Callable[[], str]] = {
            "DT-002": lambda: make_mpan(self.random),
            "DIPParticipantID": lambda: make_dip_id(self.random),
            "MPID": lambda: "ZZ" + "".join(self.random.choices("ABCDEFGH", k=2)),
            "SenderUniqueReference": lambda: make_reference(
                "IF-021", make_dip_id(self.random), "SDS", self.sent_at.date(), self.random
            ),
        }
        return next((make() for kind, make in makers.items() if kind in described), None)

    def _make_time(self, name: str) -> str:
        midnight = datetime.combine(self.days[self.day], time(), UTC)
        if name in PERIOD_ENDS:
            return write_time(midnight + (self.period + 1) * HALF_HOUR)
        if name == "settlementDayDate":
            return write_time(midnight)
        return write_time(midnight - timedelta(days=self.random.randrange(1, 400)))

    def _make_fitting(self, shape: Text, described: str) -> str:
        if shape.pattern:
            return self._make_matching(shape.pattern)
        texts = next((words for part, words in WORDS.items() if part in described), ("Made up",))
        text = self.random.choice(texts)[: shape.max_length]
        return text + "".join(self.random.choices("0123456789", k=max(0, shape.min_length - len(text))))

    def _make_matching(self, pattern: str) -> str:
        """A text for a pattern without groups; decimals stay small and without a sign."""
        decimal = re.fullmatch(r"\^(?:-\?)?\\d\{1,\d+\}\\\.\\d\{(\d+)\}\$", pattern)
        if decimal:
            return f"{self.random.random() * 3:.{decimal.group(1)}f}"
        return "".join(
            self._make_character(kind) for kind, low, _ in TOKEN.findall(pattern) for _ in range(int(low or 1))
        )

    def _make_character(self, kind: str) -> str:
        if kind == r"\d":
            return self.random.choice("0123456789")
        return self.random.choice("ABCDEFGH") if kind.startswith("[") else kind.removeprefix("\\")

    def _make_number(self, shape: Number) -> int | None:
        if shape.is_nullable and not self.is_complete:
            return None
        step = int(shape.multiple_of or 1) or 1
        low = int(shape.minimum or 0)
        high = min(int(low + 1000 if shape.maximum is None else shape.maximum), low + 1000)
        return self.random.randrange(low // step * step, high + 1, step)
