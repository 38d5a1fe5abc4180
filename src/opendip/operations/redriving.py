"""Dead letters settled by an operator: put back on their queues, or dismissed.

In steps: each commits whole, so whatever dies, no message is put back twice, and the rest can be settled again.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from opendip.store.dead_letters import (
    DeadLetter,
    LetterFilter,
    Settlement,
    clear_settled_alarm,
    find_last_letter,
    list_buried_statuses,
    lock_dead_letters,
    settle_dead_letters,
)
from opendip.store.pool import Connection
from opendip.store.queues import NewEntry, append_entries
from opendip.store.webhooks import reopen_queues

_STEP = 500


@dataclass(slots=True)
class Settled:
    """How many were settled, and how many status messages are not there any more to be sent again."""

    count: int = 0
    missing: int = 0


async def redrive(
    connection: Connection,
    wanted: LetterFilter,
    get_time: Callable[[], datetime],
    on_step: Callable[[int], None] = lambda _: None,
) -> Settled:
    """Puts open dead letters back at the end of their queues, under the same transaction ids, and wakes the queues.

    What becomes a dead letter meanwhile is not among them.
    """
    settled, woken = Settled(), set[tuple[str, str]]()

    async def put_back(letters: Sequence[DeadLetter]) -> None:
        now = get_time()
        kept, texts = await _find_texts(connection, letters)
        # Progress, alarms, tails: the order in which deliveries lock them.
        for subject in sorted(_list_subjects(kept) - woken):
            await reopen_queues(connection, *subject, now)
        woken.update(_list_subjects(kept))
        await _settle(connection, kept, Settlement.REDRIVEN, None, now)
        await append_entries(connection, make_entries(kept), texts, now, is_again=True)
        settled.count += len(kept)
        settled.missing += len(letters) - len(kept)

    await _take_steps(connection, wanted, put_back, on_step)
    return settled


async def dismiss(
    connection: Connection,
    wanted: LetterFilter,
    reason: str,
    get_time: Callable[[], datetime],
    on_step: Callable[[int], None] = lambda _: None,
) -> Settled:
    """Marks open dead letters as dealt with. The messages stay in the archive, where recipients can replay them."""
    settled = Settled()

    async def put_away(letters: Sequence[DeadLetter]) -> None:
        await _settle(connection, letters, Settlement.DISMISSED, reason, get_time())
        settled.count += len(letters)

    await _take_steps(connection, wanted, put_away, on_step)
    return settled


async def _take_steps(
    connection: Connection,
    wanted: LetterFilter,
    settle: Callable[[Sequence[DeadLetter]], Awaitable[None]],
    on_step: Callable[[int], None],
) -> None:
    """Open dead letters, the oldest first, each step in a transaction of its own."""
    after, last = 0, await find_last_letter(connection)
    while True:
        async with connection.transaction():
            letters = await lock_dead_letters(connection, wanted, after, last, _STEP)
            if not letters:
                return
            await settle(letters)
        after = letters[-1].id
        on_step(len(letters))


async def _find_texts(
    connection: Connection, letters: Sequence[DeadLetter]
) -> tuple[list[DeadLetter], dict[int, list[bytes]]]:
    """Those that can be sent again, and the status messages among them, by queue."""
    places = [(letter.queue, letter.position) for letter in letters if letter.submission is None]
    statuses = await list_buried_statuses(connection, places)
    texts: dict[int, list[bytes]] = defaultdict(list)
    for place in places:
        if place in statuses:
            texts[place[0]].append(statuses[place])
    kept = [each for each in letters if each.submission is not None or (each.queue, each.position) in statuses]
    return kept, texts


async def _settle(
    connection: Connection, letters: Sequence[DeadLetter], settlement: Settlement, text: str | None, now: datetime
) -> None:
    await settle_dead_letters(connection, [letter.id for letter in letters], settlement, text, now)
    for subject in sorted(_list_subjects(letters)):
        await clear_settled_alarm(connection, *subject, now)


def _list_subjects(letters: Sequence[DeadLetter]) -> set[tuple[str, str]]:
    return {(letter.dip_id, letter.channel) for letter in letters}


def make_entries(letters: Sequence[DeadLetter]) -> list[NewEntry]:
    """Of messages alone, in their order; those that follow each other in one submission share an entry."""
    entries: list[NewEntry] = []
    for letter in letters:
        if letter.submission is None or letter.message_index is None or letter.accepted_on is None:
            continue
        last = entries[-1] if entries else None
        entry = NewEntry(
            letter.queue, letter.submission, letter.accepted_on, [letter.message_index], None, letter.replay
        )
        if last and last._replace(members=()) == entry._replace(members=()) and last.members[-1] < entry.members[0]:
            entries[-1] = last._replace(members=[*last.members, letter.message_index])
        else:
            entries.append(entry)
    return entries
