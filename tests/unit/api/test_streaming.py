from opendip.api.streaming import get_patience


def test_whoever_takes_an_answer_slowly_has_a_minute_and_what_its_bytes_need() -> None:
    assert get_patience(0) == 60
    assert get_patience(64 * 2**20) == 60 + 128
