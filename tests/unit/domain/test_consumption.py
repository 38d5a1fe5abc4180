"""Who may have a metering point's consumption, whose and of which days (E2E 5.1.7)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.domain.consumption import (
    History,
    Responsibility,
    find_history,
    find_supply_start,
    is_within,
    settle,
    subtract_months,
)
from opendip.domain.market import Tenure
from opendip.domain.outcomes import Fault

TODAY = date(2026, 3, 21)
SUPPLY_START = date(2026, 2, 10)
WINDOW = Tenure(date(2025, 10, 10), SUPPLY_START)
OLD, NEW, OTHER = "1400000011", "1400000045", "1400000053"


def term(dip_id: str, starts: str, ends: str | None = None) -> Responsibility:
    return Responsibility(dip_id, Tenure(date.fromisoformat(starts), date.fromisoformat(ends) if ends else None))


SUPPLIERS = [term("2300000012", "2020-01-01", "2026-02-10"), term("2300000020", "2026-02-10")]
SERVICES = [term(OLD, "2020-01-01", "2026-02-10"), term(NEW, "2026-02-10")]


@pytest.mark.parametrize(
    ("day", "earlier"),
    [
        ("2026-02-10", "2025-10-10"),
        ("2026-06-30", "2026-02-28"),
        ("2024-06-30", "2024-02-29"),
        ("2026-06-29", "2026-02-28"),
        ("2024-06-29", "2024-02-29"),
        ("2026-03-31", "2025-11-30"),
        ("2026-05-01", "2026-01-01"),
        ("2026-04-30", "2025-12-30"),
        ("0001-02-01", "0001-01-01"),
    ],
)
def test_four_months_earlier_is_the_same_day_or_the_last_of_its_month(day: str, earlier: str) -> None:
    assert subtract_months(date.fromisoformat(day), 4) == date.fromisoformat(earlier)


def test_the_window_is_the_four_months_before_the_supply_start_and_excludes_it() -> None:
    history = find_history(NEW, TODAY, SERVICES, SUPPLIERS)
    assert history == History(WINDOW, frozenset({OLD}))
    assert is_within(WINDOW, [date(2025, 10, 10)])
    assert is_within(WINDOW, [date(2026, 2, 9), date(2026, 2, 10)])
    assert not is_within(WINDOW, [date(2025, 10, 9), SUPPLY_START])
    assert not is_within(WINDOW, [])


def test_a_stranger_a_predecessor_and_a_lapsed_row_are_refused() -> None:
    for requester in (OTHER, OLD):
        found = find_history(requester, TODAY, SERVICES, SUPPLIERS)
        assert isinstance(found, Fault)
        assert found.code == "RCP1009"


def test_an_open_row_that_a_later_one_supersedes_gives_no_right() -> None:
    never_ended = [term(OLD, "2020-01-01"), term(NEW, "2026-02-10")]
    assert isinstance(find_history(OLD, TODAY, never_ended, SUPPLIERS), Fault)
    assert find_history(NEW, TODAY, never_ended, SUPPLIERS) == History(WINDOW, frozenset({OLD}))


def test_a_data_service_may_ask_before_its_first_day_and_the_supply_of_that_day_counts() -> None:
    assert find_history(NEW, date(2026, 2, 1), SERVICES, SUPPLIERS) == History(WINDOW, frozenset({OLD}))


def test_the_last_day_counts_and_the_day_after_does_not() -> None:
    ending = [term(OLD, "2020-01-01", "2026-02-10"), term(NEW, "2026-02-10", "2026-03-22")]
    assert isinstance(find_history(NEW, TODAY, ending, SUPPLIERS), History)
    assert isinstance(find_history(NEW, TODAY + timedelta(days=1), ending, SUPPLIERS), Fault)


def test_all_others_of_the_window_are_previous_and_nobody_of_another_time() -> None:
    services = [
        term("1400000061", "2015-01-01", "2025-10-10"),
        term(OTHER, "2025-10-10", "2025-12-01"),
        term(OLD, "2025-12-01", "2026-02-10"),
        term(NEW, "2026-02-10"),
    ]
    assert find_history(NEW, TODAY, services, SUPPLIERS) == History(WINDOW, frozenset({OLD, OTHER}))


def test_a_data_service_that_comes_back_is_not_its_own_predecessor() -> None:
    services = [term(NEW, "2020-01-01", "2025-12-01"), term(OLD, "2025-12-01", "2026-02-10"), term(NEW, "2026-02-10")]
    assert find_history(NEW, TODAY, services, SUPPLIERS) == History(WINDOW, frozenset({OLD}))


def test_without_a_supplier_there_is_no_supply_start_date() -> None:
    found = find_history(NEW, TODAY, SERVICES, SUPPLIERS[:1])
    assert isinstance(found, Fault)
    assert found.code == "RCP1061"


def test_without_a_predecessor_in_the_window_there_is_nothing_to_have() -> None:
    found = find_history(NEW, TODAY, [term(NEW, "2020-01-01")], SUPPLIERS)
    assert isinstance(found, Fault)
    assert found.code == "RCP1062"
    assert f"from {WINDOW.starts_on} on" in found.help
    assert f"supply start date {WINDOW.ends_on}" in found.help


def test_rows_of_one_supplier_without_a_gap_are_one_supply() -> None:
    rows = [term("2300000012", "2020-01-01", "2025-01-01"), term("2300000012", "2025-01-01")]
    assert find_supply_start(rows, TODAY) == date(2020, 1, 1)
    apart = [term("2300000012", "2020-01-01", "2024-12-31"), rows[1]]
    assert find_supply_start(apart, TODAY) == date(2025, 1, 1)


_DAYS = st.dates(date(2025, 1, 1), date(2025, 2, 28))
_ROWS = st.lists(
    st.builds(
        lambda dip_id, starts, length: Responsibility(
            dip_id, Tenure(starts, starts + timedelta(days=length) if length else None)
        ),
        st.sampled_from([OLD, NEW, OTHER]),
        _DAYS,
        st.integers(0, 40),
    ),
    max_size=6,
    unique_by=lambda row: row.tenure.starts_on,
)


@given(_ROWS, _DAYS)
def test_settled_rows_say_of_each_day_what_the_address_book_says(rows: list[Responsibility], day: date) -> None:
    covering = sorted((r for r in rows if r.tenure.covers(day)), key=lambda r: r.tenure.starts_on)
    assert [r.dip_id for r in settle(rows) if r.tenure.covers(day)] == [r.dip_id for r in covering[-1:]]
