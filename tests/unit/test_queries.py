import re
from importlib.resources import files

import pytest

from opendip.store.queries import load_queries, parse_queries


def list_nouns() -> list[str]:
    directory = files("opendip.store").joinpath("sql")
    return sorted(path.name.removesuffix(".sql") for path in directory.iterdir() if path.name.endswith(".sql"))


def test_queries_are_found_by_name() -> None:
    text = "-- About.\n\n-- name: find_one\n-- Why.\nselect 1\n\n-- name: find_two\n-- Why too.\nselect 2\n"

    assert parse_queries(text) == {"find_one": "-- Why.\nselect 1", "find_two": "-- Why too.\nselect 2"}


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="find_one"):
        parse_queries("-- name: find_one\n-- Why.\nselect 1\n-- name: find_one\n-- Why.\nselect 2\n")


@pytest.mark.parametrize("noun", list_nouns())
def test_every_query_is_named_for_what_it_does_and_says_its_purpose(noun: str) -> None:
    queries = load_queries(noun)

    assert queries
    for name, query in queries.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), name
        assert re.match(r"-- [A-Z].*[.\n]", query), name
