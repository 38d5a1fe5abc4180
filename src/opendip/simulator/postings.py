"""One message of the simulated market: what is due of it, what has become of it, what is open at the end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opendip.catalogue.model import Channel
from opendip.simulator.inspection import DipBlock
from opendip.simulator.recipients import Recipients


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went otherwise than it must: its kind, and words fit to show."""

    kind: str
    text: str


@dataclass(slots=True)
class Posting:
    """A message as sent, and all that is known of it since."""

    channel: Channel
    event_code: str
    mpan: str
    correlation_id: str | None
    raw: bytes
    recipients: Recipients
    sent_at: float = 0.0
    is_answered: bool = False
    transaction_id: str | None = None
    answered_correlation_id: str | None = None
    arrived: dict[str, int] = field(default_factory=dict)
    """Copies by DIP id."""
    published: bytes | None = None
    """What was delivered, once found in form; most recipients get the very same bytes."""
    dip_block: DipBlock | None = None

    @property
    def is_accepted(self) -> bool:
        return self.transaction_id is not None

    @property
    def created_correlation_id(self) -> str | None:
        """The correlation id the DIP made for the workflow that this message begins."""
        creates = self.channel.get_correlation(self.event_code) == "CREATE"
        return self.answered_correlation_id if creates else None

    @property
    def is_complete(self) -> bool:
        return self.arrived == self.recipients.copies

    def forget_bytes(self) -> None:
        """No further copy is due, so there is nothing left to compare with."""
        self.raw, self.published = b"", None

    def count_due(self) -> int:
        return sum(self.recipients.copies.values())

    def describe(self) -> str:
        """A name to show. MPANs are personal data: the last three digits are enough to recognise one."""
        known_as = self.transaction_id or f"{self.channel.id} {self.event_code}"
        return f"{known_as} for MPAN {'*' * 10}{self.mpan[-3:]}"


def list_loose_ends(posting: Posting, workflows: Mapping[str, str]) -> Iterator[Fault]:
    """What is missing of an accepted message or does not fit. `workflows`: correlation id to MPAN."""
    if not posting.is_accepted:
        return
    yield from _list_missing(posting)
    name = posting.describe()
    if posting.correlation_id is not None and workflows.get(posting.correlation_id) != posting.mpan:
        yield Fault("uncorrelated", f"{name}: senderCorrelationID is not the one its workflow began with")
    if posting.channel.get_correlation(posting.event_code) == "CREATE" and not posting.created_correlation_id:
        yield Fault("uncorrelated", f"{name}: the DIP made no correlation id")
    if posting.dip_block is None:
        return
    if posting.dip_block.transactionID != posting.transaction_id:
        yield Fault("out of form", f"{name}: D0.transactionID is not the one that was answered")
    # E2E 5.4: a message within a workflow brings no correlation id of the DIP's own.
    if posting.dip_block.initialCorrelationID != posting.created_correlation_id:
        yield Fault("uncorrelated", f"{name}: D0.initialCorrelationID is not the one that was answered")


def _list_missing(posting: Posting) -> Iterator[Fault]:
    for dip_id, due in posting.recipients.copies.items():
        lacking = due - posting.arrived.get(dip_id, 0)
        if lacking > 0:
            text = f"{posting.describe()} was not delivered to {dip_id} ({lacking} of {due} copies)"
            yield Fault("missing", text)
