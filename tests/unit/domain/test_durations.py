from datetime import timedelta

import pytest

from opendip.domain.durations import UnusableDuration, describe_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration", "described"),
    [
        ("90s", timedelta(seconds=90), "90 seconds"),
        ("15m", timedelta(minutes=15), "15 minutes"),
        ("36h", timedelta(hours=36), "36 hours"),
        ("14d", timedelta(days=14), "14 days"),
        ("24H", timedelta(days=1), "1 day"),
        (" 0.5s", timedelta(milliseconds=500), "0.5 seconds"),
    ],
)
def test_a_duration_is_read_and_told_as_people_write_it(text: str, duration: timedelta, described: str) -> None:
    assert parse_duration(text) == duration
    assert describe_duration(duration) == described


@pytest.mark.parametrize(
    "text",
    ["", "14", "d", "-1d", "1w", "0s", "0.0d", "0.0000001s", "4000d", "1e9d", "1d2h", "\u0661s", "1" * 400 + "d"],
)
def test_what_is_no_duration_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UnusableDuration):
        parse_duration(text)
