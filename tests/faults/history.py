"""What happened in a run, as the checker reads it: what was sent, what arrived, what was broken, what is stored.

Times are seconds of the harness's monotonic clock. A message is named by its key: the hexadecimal part of its
transaction id, and before it the prefix of its replay if it is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from opendip.domain.references import INDEX_DIGITS

STATUS = "STATUS"
REPAIR = "clocks set right"
"""The one fault that is none: it ends a run."""


class Place(NamedTuple):
    """A queue's name: a recipient id in a role on a channel."""

    dip_id: str
    role: str
    channel: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as its sender knows it: who is due to get it, and the codes the DIP must report at routing."""

    reference: str
    transaction: str | None
    code: str | None
    """The DIP's answer; None when none came, so that nobody knows whether it was taken."""
    due: frozenset[Place]
    told: tuple[str, ...] = ()

    @property
    def is_accepted(self) -> bool:
        return self.code == "MSG0000"


@dataclass(frozen=True, slots=True)
class Post:
    """One POST that arrived whole at a recipient, and what was answered."""

    place: Place
    keys: tuple[str, ...]
    began_at: float
    ended_at: float
    worker: int | None
    """The process it came from, where it could be found out."""
    mood: str
    said: Mapping[str, str | None] = field(default_factory=dict)
    """Key to None (taken) or the refusal. Empty unless the answer was proper, written to its end, and in time."""
    references: Mapping[str, str] = field(default_factory=dict)
    transactions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something was broken from then until then: one worker, or (None) what they all stand on."""

    kind: str
    began_at: float
    ended_at: float
    worker: int | None = None
    excuses: bool = True
    """Whether a delivery under way may have to be made again because of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A status message that arrived: about which message, from whom, what."""

    key: str
    from_dip_id: str
    text: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    place: Place
    key: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An attempt that the DIP recorded as answered for."""

    queue: int
    from_position: int
    to_position: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The database at the end."""

    queued: frozenset[tuple[Place, str]]
    dead_letters: Sequence[DeadLetter]
    deliveries: Sequence[Delivery]
    outstanding: Sequence[str]
    """What waits in the intake, on queues, in jobs; a line each."""


@dataclass(frozen=True, slots=True)
class History:
    sent: Sequence[Sent]
    posts: Sequence[Post]
    told: Sequence[Told]
    faults: Sequence[Fault]
    tables: Tables
    answer_limit: float
    """Seconds after which the DIP waits for an answer no longer."""
    relayed: Sequence[Told] = ()
    """What recipients told senders, and the DIP has taken."""
    requeued: Sequence[tuple[Place, str]] = ()
    """What recipients asked to have again, and the DIP has promised: at that DIP id and channel, in whatever role."""


def make_key(transaction: str) -> str:
    replay = transaction[:11] if transaction.startswith("R-") else ""
    return replay + transaction.rpartition("-")[2]


def strip_replay(key: str) -> str:
    """The key of the message of which this is a replay, or is none."""
    return key.rpartition("-")[2]


def format_key(submission: int, index: int, replay: int | None) -> str:
    prefix = "" if replay is None else f"R-{replay:08x}-"
    return f"{prefix}{submission:012x}{index:0{INDEX_DIGITS}x}"
