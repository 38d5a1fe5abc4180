import msgspec
import pytest

from opendip.api.webhooks import WebhookConfig, read_limit


@pytest.mark.parametrize(("written", "limit"), [("1", 1), ("7.0", 7), ("1e3", 1000), ("1000", 1000), ("null", None)])
def test_a_limit_is_a_whole_number_however_it_is_written(written: str, limit: int | None) -> None:
    config = msgspec.json.decode(f'{{"callbackURL": "", "maxMessageRate": {written}}}', type=WebhookConfig)

    assert read_limit(config.maxMessageRate, "maxMessageRate", 1000) == limit


def test_a_limit_that_is_not_said_is_none() -> None:
    config = msgspec.json.decode('{"callbackURL": ""}', type=WebhookConfig)

    assert read_limit(config.maxMessageRate, "maxMessageRate", 1000) is None


@pytest.mark.parametrize("written", ["0", "-1", "0.5", "1001", "1001.0", '"5"', "true", "[1]", "{}", "1" * 200_000])
def test_anything_else_is_refused_with_what_is_expected(written: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="maxMessageRate must be a whole number from 1 to 1000"):
        read_limit(msgspec.Raw(written.encode()), "maxMessageRate", 1000)
