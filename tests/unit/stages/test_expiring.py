"""Which messages a step takes, why they were not delivered, and how often the queues are looked at."""

from datetime import datetime, timedelta

import pytest

from opendip.domain.market import ChannelRule, Webhook
from opendip.stages.expire import ExpiryRules
from opendip.stages.expire.aged import MOST_CHUNKS, MOST_MESSAGES, list_aged, list_aged_statuses
from opendip.stages.expire.reasons import find_reason
from opendip.store.dead_letters import Owner
from opendip.store.expiries import OverdueQueue
from opendip.store.leases import OWN_FAULT
from opendip.store.queues import Entry, StatusEntry
from tests.builders import NOW, SUPPLIER, TODAY, a_webhook

OWN = "0000000000"
YOUNG = NOW + timedelta(seconds=1)


def an_entry(last: int, members: list[int], queued_at: datetime = NOW, submission: int = 1) -> Entry:
    return Entry(last, len(members), submission, TODAY, TODAY, members, queued_at, None)


def list_positions(entries: list[Entry], done: int = 0) -> list[int]:
    return [aged.position for aged in list_aged(entries, done, NOW)]


def test_the_run_at_the_head_ends_at_the_first_message_that_is_young_enough() -> None:
    entries = [an_entry(2, [0, 1]), an_entry(3, [2], YOUNG), an_entry(4, [3])]
    assert list_positions(entries) == [1, 2]
    assert list_positions(entries[1:], 2) == []


def test_what_is_done_of_an_entry_is_not_taken_again() -> None:
    assert list_positions([an_entry(5, [0, 1, 2, 3, 4])], 3) == [4, 5]


def test_a_step_takes_so_many_messages_at_most() -> None:
    assert len(list_positions([an_entry(5000, list(range(5000)))])) == MOST_MESSAGES


def test_a_step_opens_so_many_chunks_at_most() -> None:
    scattered = [n * 250 for n in range(150)]
    assert len(list_positions([an_entry(150, scattered)])) == MOST_CHUNKS
    assert len(list_positions([an_entry(n + 1, [0], submission=n) for n in range(150)])) == MOST_CHUNKS


def test_status_messages_are_taken_in_the_same_way() -> None:
    statuses = [StatusEntry(n, TODAY, b"{}", at) for n, at in enumerate((NOW, NOW, YOUNG, NOW), 1)]
    assert [s.last_position for s in list_aged_statuses(statuses, NOW)] == [1, 2]


def a_queue(**changes: object) -> OverdueQueue:
    return OverdueQueue(1, SUPPLIER, "SUP", "IF-021", 0, TODAY, 3, None)._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("queue", "webhook", "outcome", "owner", "text"),
    [
        (a_queue(), a_webhook(), "no answer in time", Owner.RECIPIENT, "no answer in time"),
        (a_queue(), a_webhook(), None, Owner.RECIPIENT, "it did not come to its turn"),
        (a_queue(), None, "no answer in time", Owner.RECIPIENT, "the recipient has set no webhook"),
        (a_queue(), a_webhook(paused_at=NOW), None, Owner.RECIPIENT, "its webhook is paused since 2026-03-21"),
        (a_queue(stopped_reason="answered 404"), a_webhook(), None, Owner.RECIPIENT, "the webhook answered 404"),
        (a_queue(), a_webhook(), f"{OWN_FAULT}: KeyError", Owner.PLATFORM, OWN_FAULT),
        (a_queue(dip_id=OWN), None, None, Owner.PLATFORM, "the DIP has not read it"),
    ],
)
def test_the_reason_says_what_stood_in_the_way_and_who_is_to_act(
    queue: OverdueQueue, webhook: Webhook | None, outcome: str | None, owner: Owner, text: str
) -> None:
    reason = find_reason(queue, webhook, outcome, OWN)
    assert reason.owner is owner
    assert text in reason.text


@pytest.mark.parametrize(
    ("shortest", "seconds"),
    [(None, 60), (timedelta(days=3), 60), (timedelta(minutes=30), 18), (timedelta(seconds=1), 2)],
)
def test_the_shorter_a_channels_time_the_more_often_the_queues_are_looked_at(
    shortest: timedelta | None, seconds: int
) -> None:
    rules = ExpiryRules(OWN, timedelta(days=14), "Message Processing Failed")
    own = [ChannelRule("IF-021", dead_letter_after=shortest), ChannelRule("IF-013")]
    assert rules.get_pause(own).total_seconds() == seconds
