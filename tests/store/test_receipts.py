from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec
import pytest
import zstandard

from opendip.domain.references import format_index, format_transaction_prefix
from opendip.store.archive import ChunkAddressing
from opendip.store.pool import Pool
from opendip.store.receipts import Receipt, find_receipts
from opendip.store.submissions import ChunkKey, Submission, keep_addressing, keep_submission
from tests.builders import DATA_SERVICE, DISTRIBUTOR, SUPPLIER

DAY = date(2026, 3, 21)
OTHER = "1109012353"


def a_submission(number: int, channel: str) -> Submission:
    return Submission(
        id=number,
        accepted_at=datetime(2026, 3, 21, 19, 5, tzinfo=UTC),
        channel=channel,
        caller_dip_id=DATA_SERVICE,
        message_count=1000,
        refused=[],
        method="POST",
        url="https://dip.example.org/2.1.0/dip-channel/IF-021",
        signature=b"",
        signature_date="",
        content_hash=b"",
        signing_certificate="",
        signature_digest=number.to_bytes(8, "big"),
        status=201,
        answer=b"",
    )


def an_address_block(*recipients: Sequence[str]) -> bytes:
    kinds = zip(("primaryRecipients", "secondaryRecipients", "always"), recipients, strict=True)
    return msgspec.json.encode({kind: list(ids) for kind, ids in kinds})


ADDRESSING = ChunkAddressing(
    blocks=[an_address_block([], [SUPPLIER], []), an_address_block([OTHER], [], [DISTRIBUTOR])],
    of=[0, 1, -1, 0],
    senders=[(DATA_SERVICE, "SDS"), (OTHER, "ADS")],
    sent_by=[0, 0, 0, 1],
)


@pytest.fixture(autouse=True)
async def addressed(pool: Pool) -> None:
    """Submission 7 with two chunks, and 8 as one that was routed before the senders were kept."""
    async with pool.acquire() as connection:
        if await connection.fetchval("select count(*) from addressing"):
            return
        old = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode([ADDRESSING.blocks, ADDRESSING.of]))
        for number, contents in ((7, [ADDRESSING.pack(), ADDRESSING.pack()]), (8, [old])):
            await keep_submission(connection, a_submission(number, "IF-021"), [b""] * len(contents), 0)
            rows = [(ChunkKey(number, place, DAY), content) for place, content in enumerate(contents)]
            await keep_addressing(connection, rows)
        # A call of status messages: nothing of it was addressed.
        await keep_submission(connection, a_submission(9, "STATUS"), [b""], 0)


def name(index: int, submission: int = 7, *, channel: str = "IF-021", sender: str = DATA_SERVICE, role: str = "SDS",
         day: date = DAY) -> str:  # fmt: skip
    return format_transaction_prefix(channel, sender, role, day, submission) + format_index(index)


async def find(pool: Pool, *transactions: str) -> dict[str, Receipt]:
    return await find_receipts(pool, transactions)


async def test_a_message_is_found_with_its_sender_and_all_it_was_addressed_to(pool: Pool) -> None:
    assert await find(pool, name(0), name(1), name(251)) == {
        name(0): Receipt(DATA_SERVICE, frozenset({SUPPLIER})),
        name(1): Receipt(DATA_SERVICE, frozenset({OTHER, DISTRIBUTOR})),
        name(251): Receipt(DATA_SERVICE, frozenset({OTHER, DISTRIBUTOR})),
    }


async def test_each_message_has_its_own_sender_and_role(pool: Pool) -> None:
    good = name(3, sender=OTHER, role="ADS")
    others = [name(3), name(3, sender=OTHER, role="SDS"), name(0, sender=OTHER, role="ADS"), name(0, role="ADS")]
    assert list(await find(pool, good, *others)) == [good]


async def test_an_id_of_a_replay_counts_as_the_first(pool: Pool) -> None:
    assert await find(pool, f"R-0000002a-{name(0)}") == {
        f"R-0000002a-{name(0)}": Receipt(DATA_SERVICE, frozenset({SUPPLIER}))
    }


async def test_of_chunks_routed_before_senders_were_kept_the_id_itself_is_believed(pool: Pool) -> None:
    assert await find(pool, name(0, 8), name(2, 8)) == {name(0, 8): Receipt(DATA_SERVICE, frozenset({SUPPLIER}))}


@pytest.mark.parametrize(
    "transaction",
    [
        name(2),
        name(4),
        name(249),
        name(500),
        name(0xFFFFF),
        name(0, 10),
        name(0, 9),
        name(0, 9, channel="IF-024"),
        name(0, 2**63),
        name(0, 2**90),
        name(0, channel="IF-022"),
        name(0, day=date(2026, 3, 20)),
        name(0, day=date(9999, 12, 31)),
        name(0, day=date(1000, 1, 1)),
        name(0).replace("-20260321-", "-20260321-0"),
        f"R-0000002a-R-0000002a-{name(0)}",
        "T-STATUS-1109012345-SDS-20260321-00000000000900000",
        "",
        "T-",
    ],
)
async def test_what_was_sent_to_nobody_is_not_found(pool: Pool, transaction: str) -> None:
    assert await find(pool, transaction) == {}


async def test_any_number_is_found_at_once(pool: Pool) -> None:
    many = [name(0, 1000 + n, day=date(2020 + n % 80, 1, 1)) for n in range(1500)]
    assert list(await find(pool, *many, name(0), *many)) == [name(0)]
