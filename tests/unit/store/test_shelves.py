"""What stays in memory when there is more than there is room for."""

from opendip.store.shelves import Shelf


def test_the_oldest_chunks_go_first_when_there_is_no_more_room():
    shelf: Shelf[str] = Shelf(10)
    for name in ("one", "two", "three"):
        shelf.put(name, name.upper(), 4)
    assert [shelf.find(name) for name in ("one", "two", "three")] == [None, "TWO", "THREE"]


def test_a_chunk_put_again_takes_no_more_room_and_is_new_again():
    shelf: Shelf[str] = Shelf(10)
    for name in ("one", "two", "one", "three"):
        shelf.put(name, name.upper(), 4)
    assert [shelf.find(name) for name in ("one", "two", "three")] == ["ONE", None, "THREE"]


def test_a_chunk_larger_than_the_shelf_stays_until_the_next():
    shelf: Shelf[str] = Shelf(10)
    shelf.put("large", "LARGE", 99)
    assert shelf.find("large") == "LARGE"
    shelf.put("small", "SMALL", 1)
    assert (shelf.find("large"), shelf.find("small")) == (None, "SMALL")


def test_a_cleared_shelf_has_its_room_again():
    shelf: Shelf[str] = Shelf(10)
    shelf.put("one", "ONE", 9)
    shelf.clear()
    shelf.put("two", "TWO", 9)
    assert (shelf.find("one"), shelf.find("two")) == (None, "TWO")
