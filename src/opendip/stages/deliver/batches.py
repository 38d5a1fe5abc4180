"""The next messages of a queue as one body, within the recipient's count and size (E2E 4.6.2, 4.6.3)."""

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from opendip.client.signing import content_hash
from opendip.domain.publications import join_batch
from opendip.store.archive import ChunkName, Published, PublishedKey
from opendip.store.chunks import MESSAGES_IN_A_CHUNK
from opendip.store.queues import Entry, StatusEntry
from opendip.store.submissions import ChunkKey

_BODIES_KEPT = 8

Found = Mapping[ChunkName, Mapping[int, Published | None]]
"""Messages by chunk and place."""


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a POST and their hash as the signature carries it."""

    data: bytes
    content_hash: str


class Wanted(NamedTuple):
    """A message to be delivered: its entry, its position in the queue, its index in the submission."""

    entry: Entry
    position: int
    message_index: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One POST to be: consecutive positions of a queue."""

    from_position: int
    to_position: int
    done_on: date
    body: Body
    wanted: Sequence[Wanted]
    published: Sequence[Published]
    """One a message, like `wanted`; both empty for status messages."""
    statuses: Sequence[StatusEntry] = ()

    @property
    def message_count(self) -> int:
        return len(self.wanted) or len(self.statuses)

    @property
    def queued_at(self) -> datetime:
        """Of its last message."""
        return self.wanted[-1].entry.queued_at if self.wanted else self.statuses[-1].queued_at


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a recipient takes at a time. A single larger message still goes, alone."""

    messages: int
    bytes: int


class Bodies:
    """Bodies just made, so that recipients of the same messages share one joining and one hashing."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, Body] = OrderedDict()

    def make(self, key: Hashable, messages: Sequence[bytes]) -> Body:
        body = self._made.get(key)
        if body is None:
            data = join_batch(messages)
            body = self._made[key] = Body(data, content_hash(data))
            if len(self._made) > _BODIES_KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return body


def list_wanted(entries: Sequence[Entry], done: int, most: int) -> list[Wanted]:
    """The next messages, at most so many."""
    wanted: list[Wanted] = []
    for entry in entries:
        for place, index in enumerate(entry.members):
            position = entry.first_position + place
            if position <= done:
                continue
            if len(wanted) == most:
                return wanted
            wanted.append(Wanted(entry, position, index))
    return wanted


def list_chunk_keys(wanted: Sequence[Wanted]) -> dict[PublishedKey, list[int]]:
    """Each chunk once, in the order of the queue, and the places in it of the messages wanted."""
    places: defaultdict[tuple[int, int, date, int | None], list[int]] = defaultdict(list)
    for entry, _, index in wanted:
        number, place = divmod(index, MESSAGES_IN_A_CHUNK)
        places[entry.submission, number, entry.accepted_on, entry.replay].append(place)
    return {PublishedKey(ChunkKey(*name[:3]), name[3]): some for name, some in places.items()}


def make_batch(wanted: Sequence[Wanted], found: Found, limits: Limits, bodies: Bodies) -> Batch:
    """As many of the wanted messages as were found and fit, in order; the first one always does."""
    messages: list[Published] = []
    size = 1
    for published in _list_found(wanted, found):
        size += len(published.data) + 1
        if messages and size > limits.bytes:
            break
        messages.append(published)
    taken = wanted[: len(messages)]
    body = bodies.make(
        tuple((w.entry.submission, w.message_index, w.entry.replay) for w in taken), [m.data for m in messages]
    )
    return Batch(taken[0].position, taken[-1].position, taken[-1].entry.routed_on, body, taken, messages)


def _list_found(wanted: Sequence[Wanted], found: Found) -> Iterator[Published]:
    """Up to the first that is not there, for want of room."""
    for entry, _, index in wanted:
        number, place = divmod(index, MESSAGES_IN_A_CHUNK)
        places = found.get((entry.submission, number, entry.replay))
        if places is None or place not in places:
            return
        published = places[place]
        assert published is not None, "a queued message was routed, so it has addresses"
        yield published


def make_status_batch(entries: Sequence[StatusEntry], limits: Limits) -> Batch:
    """Status messages as one body: an array of entries (E2E 4.8)."""
    size, count = 1, 0
    for entry in entries[: limits.messages]:
        size += len(entry.entry) + 1
        if count and size > limits.bytes:
            break
        count += 1
    taken = entries[:count]
    data = join_batch([entry.entry for entry in taken])
    body = Body(data, content_hash(data))
    return Batch(taken[0].last_position, taken[-1].last_position, taken[-1].created_on, body, (), (), taken)
