"""The judge of a run: compares sender, database and recipients, and finds what was lost, repeated, silent or stuck.

It reads nothing and waits for nothing, so it is itself tested with made-up histories.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.history import (
    REPAIR,
    STATUS,
    DeadLetter,
    Fault,
    History,
    Place,
    Post,
    Sent,
    Told,
    make_key,
    strip_replay,
)

GRACE_SECONDS = 2.0
"""After an answer was written: how long the worker may take to have it recorded."""
DIP = "0000000000"
Spot = tuple[Place, str]
"""One message for one recipient."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of a run, and a line about each finding."""

    kills: int
    sent: int
    accepted: int
    delivered: int
    lost: Sequence[str]
    repeated: Sequence[str]
    silent: Sequence[str]
    stuck: Sequence[str]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.repeated or self.silent or self.stuck)

    @property
    def findings(self) -> list[str]:
        kinds = ("lost", "repeated", "silent", "stuck")
        return [f"{kind}: {line}" for kind in kinds for line in getattr(self, kind)]

    def __str__(self) -> str:
        return (
            f"kills={self.kills} sent={self.sent} accepted={self.accepted} delivered={self.delivered} "
            f"lost={len(self.lost)} repeated={len(self.repeated)} silent={len(self.silent)} stuck={len(self.stuck)}"
        )


def judge(history: History) -> Verdict:
    log = _index(history.posts)
    arrived = {reference for post in history.posts for reference in post.references.values()}
    accepted = [sent for sent in history.sent if sent.is_accepted or (sent.code is None and sent.reference in arrived)]
    due = _list_due(history, accepted)
    return Verdict(
        kills=sum(fault.kind != REPAIR for fault in history.faults),
        sent=len(history.sent),
        accepted=len(accepted),
        delivered=sum(any(key in p.said and p.said[key] is None for p in posts) for (_, key), posts in log.items()),
        lost=[*_find_lost(history, log, due), *_find_not_requeued(history)],
        repeated=[*_find_repeated(history, log), *_find_strays(history, log, due), *_find_double_records(history)],
        silent=[*_find_silent(history, log, accepted)],
        stuck=list(history.tables.outstanding),
    )


def _index(posts: Iterable[Post]) -> dict[Spot, list[Post]]:
    log: dict[Spot, list[Post]] = defaultdict(list)
    for post in sorted(posts, key=lambda p: p.began_at):
        for key in post.keys:
            log[post.place, key].append(post)
    return log


def _list_due(history: History, accepted: Sequence[Sent]) -> set[Spot]:
    """By what the harness knows of the market and, beside it, by what the DIP has put on its queues."""
    keys = {reference: key for post in history.posts for key, reference in post.references.items() if "R-" not in key}
    due = {
        (place, make_key(sent.transaction) if sent.transaction else keys[sent.reference])
        for sent in accepted
        for place in sent.due
    }
    return due | history.tables.queued


def _find_lost(history: History, log: Mapping[Spot, Sequence[Post]], due: set[Spot]) -> Iterator[str]:
    buried = {(letter.place, letter.key) for letter in history.tables.dead_letters}
    for place, key in sorted(due):
        if (place, key) not in buried and not any(key in post.said for post in log.get((place, key), ())):
            yield f"{key} neither arrived at {_name(place)} nor is it a dead letter"


def _find_not_requeued(history: History) -> Iterator[str]:
    """What is queued must arrive, as anything must; here, whether it is."""
    replays = {(p.dip_id, p.channel, strip_replay(k)) for p, k in history.tables.queued if k != strip_replay(k)}
    for place, key in history.requeued:
        if (place.dip_id, place.channel, key) not in replays:
            yield f"{key} was to be requeued to {place.dip_id} on {place.channel}, and is not"


def _find_repeated(history: History, log: Mapping[Spot, Sequence[Post]]) -> Iterator[str]:
    letters = history.tables.dead_letters
    buried = Counter(f"{told.key} {told.from_dip_id}" for told in _list_buried(letters))
    for (place, key), posts in log.items():
        answered = [pair for pair in pairwise(posts) if key in pair[0].said and not _is_excused(pair[0], history)]
        # Of a message and its replay the same may be told, if both were buried.
        allowed = max(0, buried[" ".join(key.split(" ")[:2])] - 1) if place.channel == STATUS else 0
        for earlier, later in answered[allowed:]:
            gap = later.began_at - earlier.ended_at
            yield f"{key} came to {_name(place)} again {gap:.2f} s after it was answered for"


def _is_excused(post: Post, history: History) -> bool:
    """The worker may have lost the answer: it, or the database, was broken at the time; or it was late for the DIP."""
    if post.ended_at - post.began_at > history.answer_limit / 2:
        return True
    return any(_overlaps(fault, post) for fault in history.faults if fault.excuses)


def _overlaps(fault: Fault, post: Post) -> bool:
    if None not in (fault.worker, post.worker) and fault.worker != post.worker:
        return False
    return fault.began_at <= post.ended_at + GRACE_SECONDS and fault.ended_at >= post.began_at


def _find_strays(history: History, log: Mapping[Spot, Sequence[Post]], due: set[Spot]) -> Iterator[str]:
    for place, key in log:
        if place.channel != STATUS and (place, key) not in due:
            yield f"{key} came to {_name(place)}, which was not due to get it"


def _find_double_records(history: History) -> Iterator[str]:
    """A worker that lost its lease must not record what another has delivered meanwhile."""
    by_queue = defaultdict(list)
    for delivery in history.tables.deliveries:
        by_queue[delivery.queue].append(delivery)
    for queue, deliveries in by_queue.items():
        reached = 0
        for delivery in sorted(deliveries, key=lambda d: d.from_position):
            if delivery.from_position <= reached:
                yield f"positions {delivery.from_position} to {reached} of queue {queue} are recorded twice"
            reached = max(reached, delivery.to_position)


def _find_silent(history: History, log: Mapping[Spot, Sequence[Post]], accepted: Sequence[Sent]) -> Iterator[str]:
    """Whoever should have been told and was not; and, the other way round, what was told and is not so."""
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    for told in history.told:
        said[told.key, told.from_dip_id].add(told.text)
    letters = history.tables.dead_letters
    buried = {(letter.place, letter.key) for letter in letters}
    refusals = _list_refusals({spot: posts for spot, posts in log.items() if spot not in buried})
    expected = {*_list_routing_faults(accepted), *refusals, *_list_buried(letters)}
    expected |= set(history.relayed)
    for key, from_dip_id, text in sorted({(t.key, t.from_dip_id, t.text) for t in expected}):
        if not any(each.startswith(text) for each in said[key, from_dip_id]):
            yield f"no status message about {key} from {from_dip_id} has arrived: {text or 'not delivered'}"
    justified = {(told.key, told.from_dip_id) for told in expected}
    doubtful = {sent.reference for sent in history.sent if sent.code is None}
    for told in sorted(set(history.told), key=lambda t: (t.key, t.from_dip_id, t.text)):
        if (told.key, told.from_dip_id) not in justified and told.reference not in doubtful:
            yield f"a status message about {told.key} from {told.from_dip_id} is about nothing known: {told.text}"


def _list_routing_faults(accepted: Sequence[Sent]) -> Iterator[Told]:
    for sent in accepted:
        for code in sent.told:
            if sent.transaction:
                yield Told(make_key(sent.transaction), DIP, code)


def _list_refusals(log: Mapping[Spot, Sequence[Post]]) -> Iterator[Told]:
    """What a recipient refused whenever it answered; where there is a dead letter, that decides."""
    for (place, key), posts in log.items():
        answers = {post.said[key] for post in posts if key in post.said}
        if answers and None not in answers and place.channel != STATUS:
            text = answers.pop() if len(answers) == 1 else ""
            yield Told(strip_replay(key), place.dip_id, text or "")


def _list_buried(letters: Iterable[DeadLetter]) -> Iterator[Told]:
    for letter in letters:
        if letter.place.channel != STATUS:
            is_refused = letter.kind == "refused"
            if not is_refused and letter.key != strip_replay(letter.key):
                # Of a replay that grew too old only its recipient knows.
                continue
            told = (letter.place.dip_id, letter.text) if is_refused else (DIP, "")
            yield Told(strip_replay(letter.key), *told)


def _name(place: Place) -> str:
    return f"{place.dip_id} as {place.role or 'sender'} on {place.channel}"
