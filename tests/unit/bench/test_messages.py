"""The batches of the bench: valid, of the size they should have, no two messages alike."""

from datetime import UTC, date, datetime
from random import Random

import msgspec
import pytest

from opendip.bench.messages import BatchMaker
from opendip.catalogue import compile_channel, load
from opendip.domain.market import Role

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def maker():
    mpans = ["9900000000004", "9900000000017"]
    return BatchMaker(Random(1), Role("1400000011", "SDS"), "2500000011", mpans, date(2026, 3, 20), "SIT")


def test_messages_are_as_the_catalogue_wants_them_and_about_four_and_a_half_kilobytes(maker):
    catalogue = load()
    decoder = compile_channel(catalogue.channels["IF-021"], catalogue)
    for raw in msgspec.json.decode(maker.make_batch(20, NOW), type=list[msgspec.Raw]):
        common = decoder.decode(raw).payload.CommonBlock
        assert common.S1.senderUniqueReference.startswith("S-IF-021-1400000011-SDS-20260321-")
        assert 4300 < len(bytes(raw)) < 4600


def test_no_two_messages_have_the_same_reference_or_the_same_values(maker):
    batches = [msgspec.json.decode(maker.make_batch(100, NOW)) for _ in range(2)]
    payloads = [message["payload"] for batch in batches for message in batch]
    assert len({each["CommonBlock"]["S1"]["senderUniqueReference"] for each in payloads}) == 200
    assert len({msgspec.json.encode(each["CustomBlock"]) for each in payloads}) == 200
