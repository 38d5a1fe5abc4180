import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendip.api.accepting import admits_json


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/*;q=0.1",
        "text/plain, */* ; q=0.001",
        "*/*;q=0, application/json",
        "text/html;q=0, application/json;q=0.5",
        "application/json;q=wrong",
    ],
)
def test_json_is_admitted(accept: str) -> None:
    assert admits_json(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "text/plain",
        "*/*;q=0",
        "application/json;q=0.0",
        "application/json;q=0, */*",
        "application/* ; Q=0, */*;q=1",
        "application/jsonish",
    ],
)
def test_json_is_not_admitted(accept: str) -> None:
    assert not admits_json(accept)


@given(st.text())
def test_whatever_is_written_is_read(accept: str) -> None:
    assert admits_json(accept) in (True, False)
