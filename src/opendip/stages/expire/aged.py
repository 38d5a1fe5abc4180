"""Which of a queue's next messages are too old: the run at its head, up to the first that is not.

A message that a recipient left unmentioned goes to the end of its queue and stays as old as it is; it is looked at
when it comes to the head.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from opendip.store.chunks import MESSAGES_IN_A_CHUNK
from opendip.store.origins import MessageKey
from opendip.store.queues import Entry, StatusEntry

MOST_MESSAGES = 1000
MOST_CHUNKS = 100
"""Of a step: each is decompressed, however few of its messages are too old."""


class Aged(NamedTuple):
    """A message that is too old, at its position."""

    entry: Entry
    position: int
    key: MessageKey


def list_aged(entries: Sequence[Entry], done: int, before: datetime) -> list[Aged]:
    """The messages behind `done` that were queued before that time, as many as a step takes."""
    aged: list[Aged] = []
    chunks: set[tuple[int, int]] = set()
    for entry in entries:
        if entry.queued_at > before:
            break
        for position, index in enumerate(entry.members, entry.first_position):
            if position <= done:
                continue
            chunks.add((entry.submission, index // MESSAGES_IN_A_CHUNK))
            if len(aged) == MOST_MESSAGES or len(chunks) > MOST_CHUNKS:
                return aged
            aged.append(Aged(entry, position, MessageKey(entry.submission, index, entry.accepted_on)))
    return aged


def list_aged_statuses(statuses: Sequence[StatusEntry], before: datetime) -> list[StatusEntry]:
    aged: list[StatusEntry] = []
    for status in statuses[:MOST_MESSAGES]:
        if status.queued_at > before:
            break
        aged.append(status)
    return aged
