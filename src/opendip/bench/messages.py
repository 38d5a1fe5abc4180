"""Batches of IF-021 messages, made while sending: all but three fields of a message is written beforehand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from random import Random

from opendip.domain.market import Role
from opendip.domain.references import format_timestamp
from opendip.simulator.consumption import CHANNEL, make_consumption

# A prime, so that a metering point meets the same day's values again only after all of them.
_DAYS_OF_VALUES = 9973


class BatchMaker:
    """Makes batches for one sender; no two messages have the same reference or the same content."""

    def __init__(
        self,
        random: Random,
        sender: Role,
        distributor: str,
        mpans: Sequence[str],
        settlement_day: date,
        environment: str,
    ) -> None:
        # What is filled in later is left as the place for it.
        self._templates = [
            make_consumption(
                random,
                mpan="%b",
                sender=sender,
                distributor=distributor,
                settlement_day=settlement_day,
                reference="%b",
                sent_at="%b",
                environment=environment,
            )
            for _ in range(_DAYS_OF_VALUES)
        ]
        self.choose(mpans)
        self._reference = f"S-{CHANNEL}-{sender.dip_id}-{sender.role}-".encode() + b"%b-%010x"
        self._made = 0

    def choose(self, mpans: Sequence[str]) -> None:
        """From now on messages are about these metering points, in turn."""
        self._mpans = [mpan.encode() for mpan in mpans]

    def make_batch(self, count: int, now: datetime) -> bytes:
        """The body of a call: a JSON array of so many messages (about 2 µs each)."""
        sent_at, day = format_timestamp(now).encode(), f"{now.astimezone(UTC):%Y%m%d}".encode()
        numbers = range(self._made, self._made + count)
        self._made += count
        return b"[%b]" % b",".join([self._make(number, sent_at, day) for number in numbers])

    def _make(self, number: int, sent_at: bytes, day: bytes) -> bytes:
        template = self._templates[number % len(self._templates)]
        return template % (self._reference % (day, number), sent_at, self._mpans[number % len(self._mpans)])
