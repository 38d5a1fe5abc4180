from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.domain.references import (
    find_transaction,
    format_correlation_prefix,
    format_index,
    format_reference_start,
    format_replay_prefix,
    format_timestamp,
    format_transaction_prefix,
    is_reference,
    is_timestamp,
    strip_replay_prefix,
)

DAY = date(2026, 3, 21)


@given(st.integers(0, 2**47), st.integers(0, 49_999))
def test_a_transaction_id_leads_back_to_its_message(submission: int, index: int) -> None:
    text = format_transaction_prefix("IF-021", "1109012345", "SDS", DAY, submission) + format_index(index)
    found = find_transaction(text)
    assert found is not None
    assert (found.submission, found.message_index, found.accepted_on) == (submission, index, DAY)
    assert (found.channel, found.dip_id, found.role) == ("IF-021", "1109012345", "SDS")


@given(st.integers(1, 2**32 - 1))
def test_the_id_of_a_replay_leads_to_the_message_and_its_number(replay: int) -> None:
    first = format_transaction_prefix("IF-021", "1109012345", "SDS", DAY, 77) + format_index(3)
    text = format_replay_prefix(replay) + first
    found, of_first = find_transaction(text), find_transaction(first)
    assert found is not None
    assert of_first is not None
    assert (found.replay, of_first.replay) == (replay, None)
    assert found._replace(replay=None) == of_first
    assert strip_replay_prefix(text) == strip_replay_prefix(first) == first


def test_the_longest_replayed_id_fits_too_for_as_long_as_numbers_have_twelve_digits() -> None:
    first = format_transaction_prefix("REP-002A", "1109012345", "UMSDS", DAY, 2**48 - 1) + format_index(49_999)
    assert len(format_replay_prefix(2**32 - 1) + first) <= 65


def test_the_longest_transaction_id_fits_its_65_characters() -> None:
    text = format_transaction_prefix("REP-002A", "1109012345", "UMSDS", DAY, 2**63 - 1) + format_index(49_999)
    assert len(text) <= 65
    assert find_transaction(text) is not None


def test_the_longest_correlation_id_fits_its_60_characters() -> None:
    text = format_correlation_prefix(DAY, 2**63 - 1) + format_index(49_999)
    assert len(text) <= 60


@pytest.mark.parametrize(
    "text",
    [
        "",
        "T-IF-021",
        "T-IF-021-1109012345-SDS-20260230-00000000000100001",
        "T-IF-021-1109012345-SDS-20260321-",
        "T-IF-021-1109012345-SDS-20260321-xyz000001",
        "S-IF-021-1109012345-SDS-20260321-00000000000100001",
        "T-IF-021-1109012345-SDS-20260321-00000000000100001\n",
    ],
)
def test_what_is_no_transaction_id_of_ours_is_not_found(text: str) -> None:
    assert find_transaction(text) is None


def test_a_report_with_a_letter_may_leave_it_out_of_its_references() -> None:
    start = format_reference_start("REP-002A", "1800000013", "MDS")
    assert start.text == "S-REP-002A-1800000013-MDS-"
    assert start.short_text == "S-REP-002-1800000013-MDS-"


def test_the_digits_of_a_reference_need_not_be_a_date() -> None:
    assert is_reference("S-IF-005-0123456789-SUP-20222313-12345687a1234567a")


@pytest.mark.parametrize(
    "text",
    [
        "S-IF-005-0123456789-SUP-2022-1",
        "S-IF-005-0123456789-SUP-20220313-",
        "S-REP-002A-0123456789-MDS-20220313-1",
        "S-IF-005-0123456789-SUP-20220313-1\n",
        "S-IF-005-0123456789-SUP-20220313-" + "1" * 168,
        "x",
    ],
)
def test_a_reference_of_another_form_is_none(text: str) -> None:
    assert not is_reference(text)


@pytest.mark.parametrize("text", ["2026-03-21T19:05:00+00:00", "2026-03-29T01:30:00+01:00"])
def test_a_time_with_an_offset_is_a_timestamp(text: str) -> None:
    assert is_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-21T19:05:00Z",
        "2026-03-21 19:05:00+00:00",
        "2026-02-30T19:05:00+00:00",
        "2026-03-21T24:61:00+00:00",
        "20260321T190500.0000+00:0",
        "٢٠٢٦-03-21T19:05:00+00:00",
        "2026-03-21T19:05:00+00:00\n",
    ],
)
def test_anything_else_is_no_timestamp(text: str) -> None:
    assert not is_timestamp(text)


def test_timestamps_are_25_characters_of_utc() -> None:
    text = format_timestamp(datetime(2026, 3, 21, 19, 5, 0, 999_999, tzinfo=UTC))
    assert text == "2026-03-21T19:05:00+00:00"
    assert is_timestamp(text)
