from datetime import date

import msgspec
import pytest

from opendip.catalogue import load
from opendip.domain.dates import compile_days

PATH = ("CustomBlock", "B900", "periods", "[]", "settlementDay", "settlementDayDate")
list_days = compile_days(PATH)


def a_body(*days: object) -> msgspec.Raw:
    periods = [{"settlementDay": {"settlementDayDate": day, "more": 1}, "more": [1, {}]} for day in days]
    return msgspec.Raw(msgspec.json.encode({"B044": {}, "B900": {"more": None, "periods": periods}}))


def test_the_days_are_those_at_the_path_each_once() -> None:
    body = a_body("2026-02-09T00:00:00+00:00", "2026-02-10T00:00:00+00:00", "2026-02-09T00:00:00+00:00")
    assert list_days(body) == {date(2026, 2, 9), date(2026, 2, 10)}


@pytest.mark.parametrize("body", [b"{}", b'{"B900":{}}', b'{"B900":{"periods":[]}}'])
def test_where_the_path_leads_nowhere_there_are_none(body: bytes) -> None:
    assert list_days(msgspec.Raw(body)) == frozenset()


def test_a_null_is_no_day() -> None:
    assert list_days(a_body(None)) == frozenset()


@pytest.mark.parametrize(
    "day",
    ["2026-02-30T00:00:00+00:00", "20260210T000000.000+00:00", "2026-W06-2T00:00:00+00:00", "", "x", 5, "٢٠٢٦-02-10"],
)
def test_one_day_that_cannot_be_read_makes_all_of_them_unreadable(day: object) -> None:
    assert list_days(a_body("2026-02-09T00:00:00+00:00", day)) is None


def test_the_catalogues_own_paths_can_all_be_compiled() -> None:
    paths = [channel.applies_at for channel in load().channels.values() if channel.applies_at]
    assert paths
    assert all(compile_days(path)(msgspec.Raw(b"{}")) == frozenset() for path in paths)
