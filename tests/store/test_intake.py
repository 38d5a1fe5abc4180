"""A submission that cannot be routed waits in the intake and holds up no other."""

from datetime import UTC, datetime

from opendip.catalogue import load
from opendip.domain.market import Market
from opendip.domain.publications import Wrapper
from opendip.stages.route import Router, prepare_channels
from opendip.store.archive import Archive
from opendip.store.pool import Pool
from opendip.store.submissions import Submission, keep_submission

NOW = datetime.now(UTC)
NOBODY = Market(1, {}, {}, {}, {}, {}, {})


def a_submission(number: int, channel: str) -> Submission:
    proof = {"method": "POST", "url": "", "signature_date": "", "signing_certificate": "", "answer": b"", "status": 201}
    digest = number.to_bytes(32, "big")
    return Submission(
        id=number,
        accepted_at=NOW,
        channel=channel,
        caller_dip_id="1109012345",
        message_count=1,
        refused=[0],
        signature=b"",
        content_hash=b"",
        signature_digest=digest,
        **proof,  # type: ignore[arg-type]
    )


async def test_one_that_cannot_be_routed_is_set_aside_and_the_next_is_routed(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await keep_submission(connection, a_submission(1, "IF-999"), [], 1)
        await keep_submission(connection, a_submission(2, "IF-021"), [], 1)
    catalogue = load()
    archive = Archive(1, lambda s: Wrapper(s.id, s.accepted_at, s.channel, "PUB-021", frozenset()))
    router = Router(prepare_channels(catalogue), archive, catalogue.response_codes, "0000000000")
    for _ in range(2):
        assert await router.route_waiting(pool, NOBODY, NOW, 1000) == 1
    assert await router.route_waiting(pool, NOBODY, NOW, 1000) == 0
    async with pool.acquire() as connection:
        assert [row[0] for row in await connection.fetch("select submission from intake")] == [1]
