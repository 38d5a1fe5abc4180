"""What breaks its schema is looked at closely to say how, unless it is so large that others would wait for it."""

import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from msgspec import DecodeError, Raw

from opendip import catalogue
from opendip.stages.accept.channels import prepare_channels
from opendip.stages.relay.schema import prepare_schema


def list_ways() -> list[tuple[Callable[[Raw], object], Callable[[Raw], Sequence[str]]]]:
    release = catalogue.load()
    channel, schema = prepare_channels(release)["IF-021"], prepare_schema(release)
    return [(channel.decoder.decode, channel.list_faults), (schema.decode, schema.list_faults)]


@pytest.mark.parametrize("way", [0, 1], ids=["messages", "status messages"])
def test_an_object_of_millions_of_properties_is_refused_in_little_memory(way: int) -> None:
    decode, list_faults = list_ways()[way]
    raw = Raw(b"{" + b",".join(b'"p%d":1' % n for n in range(2_000_000)) + b"}")
    tracemalloc.start()
    with pytest.raises(DecodeError):
        decode(raw)
    assert "large" in list_faults(raw)[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
