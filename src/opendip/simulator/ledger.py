"""What was sent and what ought to become of it, held against what was answered and what arrived.

A message is known here by its sender unique reference, which its sender knows before the DIP's answer: a
delivery may well be quicker than that.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from opendip.client.types import ResponseEntry
from opendip.simulator.inspection import Decode, Encoded, OutOfForm, inspect
from opendip.simulator.postings import Fault, Posting, list_loose_ends

_ACCEPTED = "MSG0000"


@dataclass(slots=True)
class Tally:
    """The numbers of one channel. Latencies: seconds from the start of the sending call to the arrival."""

    sent: int = 0
    accepted: int = 0
    expected: int = 0
    delivered: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def backlog(self) -> int:
        return self.expected - self.delivered


class Ledger:
    """The books of one simulated day. Times are seconds of a monotonic clock."""

    def __init__(self, decoders: Mapping[str, Decode]) -> None:
        self._decoders = decoders
        self._postings: dict[str, Posting] = {}
        self.tallies: dict[str, Tally] = {}
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.unanswered = 0
        self.first_sent_at = 0.0
        self.last_arrived_at = 0.0

    @property
    def outstanding(self) -> int:
        """How many answers and deliveries are still due."""
        return self.unanswered + sum(tally.backlog for tally in self.tallies.values())

    def post(self, reference: str, posting: Posting, at: float) -> None:
        """A message is about to be sent."""
        self.first_sent_at = self.first_sent_at or at
        posting.sent_at = at
        self._postings[reference] = posting
        self.unanswered += 1
        tally = self.tallies.setdefault(posting.channel.id, Tally())
        tally.sent += 1
        tally.expected += posting.count_due()

    def note_answer(self, entries: Iterable[ResponseEntry]) -> None:
        """The DIP has answered a call, message by message."""
        for entry in entries:
            posting = self._postings.get(entry.senderUniqueReference or "")
            if posting is None or posting.is_answered:
                self.note_fault("unexpected", "an answer names a message that waits for none")
            elif entry.code == _ACCEPTED:
                self._note_acceptance(posting, entry)
            else:
                self._note_refusal(posting, f"{entry.message} ({entry.help})")

    def note_refused_call(self, references: Iterable[str], why: str) -> None:
        """The DIP has refused a call whole, so that nothing is due of its messages."""
        for reference in references:
            self._note_refusal(self._postings[reference], why)

    def note_delivery(self, dip_id: str, reference: str, raw: Encoded, at: float) -> None:
        """A message has arrived at a webhook of the DIP id."""
        self.last_arrived_at = at
        posting = self._postings.get(reference)
        if posting is None:
            self.note_fault("unexpected", f"{dip_id} got a message that nobody sent")
            return
        due, had = posting.recipients.copies.get(dip_id, 0), posting.arrived.get(dip_id, 0)
        posting.arrived[dip_id] = had + 1
        if had >= due:
            kind = "duplicate" if due else "unexpected"
            self.note_fault(kind, f"{posting.describe()} came to {dip_id} {had + 1} times, {due} due")
            return
        tally = self.tallies[posting.channel.id]
        tally.delivered += 1
        tally.latencies.append(at - posting.sent_at)
        self._inspect(posting, dip_id, raw)
        if posting.is_complete:
            posting.forget_bytes()

    def note_status(self, dip_id: str, message: str) -> None:
        """A status message has arrived: the day holds nothing that ought to cause one."""
        self.note_fault("status message", f"{dip_id} was told: {message}")

    def note_fault(self, kind: str, text: str) -> None:
        self.faults.append(Fault(kind, text))

    def close(self) -> None:
        """The day is over: whatever was due and has not come, or does not fit together, is a fault."""
        made = {p.created_correlation_id: p.mpan for p in self._postings.values()}
        workflows = {correlation: mpan for correlation, mpan in made.items() if correlation}
        for posting in self._postings.values():
            self.faults.extend(list_loose_ends(posting, workflows))

    def count_lost(self) -> int:
        """Deliveries due of accepted messages that have not arrived."""
        return sum(1 for fault in self.faults if fault.kind == "missing")

    def count_sent(self) -> Counter[str]:
        """Messages sent, by event code."""
        return Counter(posting.event_code for posting in self._postings.values())

    def _note_acceptance(self, posting: Posting, entry: ResponseEntry) -> None:
        self.unanswered -= 1
        self.tallies[posting.channel.id].accepted += 1
        posting.is_answered = True
        posting.transaction_id, posting.answered_correlation_id = entry.transactionID, entry.correlationID

    def _note_refusal(self, posting: Posting, why: str) -> None:
        self.unanswered -= 1
        self.tallies[posting.channel.id].expected -= posting.count_due()
        posting.is_answered = True
        self.note_fault("refused", f"{posting.describe()}: {why}")

    def _inspect(self, posting: Posting, dip_id: str, raw: Encoded) -> None:
        delivered = bytes(raw)
        if delivered == posting.published:
            return
        channel, decode = posting.channel, self._decoders[posting.channel.id]
        try:
            dip = inspect(delivered, posting.raw, posting.recipients, channel.publication_id, decode)
        except OutOfForm as fault:
            self.note_fault("out of form", f"{posting.describe()} at {dip_id}: {fault}")
            return
        if posting.dip_block not in (None, dip):
            self.note_fault("out of form", f"{posting.describe()} at {dip_id}: D0 is not what others got")
        posting.published, posting.dip_block = delivered, dip
