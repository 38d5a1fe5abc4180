"""Replays have places: so many in all, fewer for one organisation."""

from opendip.api.slots import ReplaySlots


def test_one_organisation_cannot_have_them_all() -> None:
    slots = ReplaySlots(3, 2)
    assert [slots.take("a") for _ in range(3)] == [True, True, False]
    assert [slots.take("b") for _ in range(2)] == [True, False]


def test_a_place_given_back_is_free_for_anybody() -> None:
    slots = ReplaySlots(1, 1)
    assert slots.take("a")
    assert not slots.take("b")
    slots.give_back("a")
    assert slots.take("b")
