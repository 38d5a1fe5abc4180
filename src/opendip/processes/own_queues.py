"""The worker's reading of the queues that lead to the DIP itself, beside routing and delivering."""

import asyncio
from datetime import UTC, datetime

import structlog

from opendip.catalogue import Catalogue
from opendip.processes.running import wait_for
from opendip.processes.trust import TrustWatch
from opendip.settings import Settings
from opendip.stages.consumption import AnswerRules, OwnQueues, prepare_replies
from opendip.stages.consumption.replies import CHANNEL
from opendip.store.pool import Pool

_IDLE_SECONDS = 0.25
_AWAY_SECONDS = 1.0

log = structlog.get_logger()


async def read_own_queues(
    settings: Settings, catalogue: Catalogue, trust: TrustWatch, pool: Pool, stop: asyncio.Event
) -> None:
    """Until it is time to stop, or it is cancelled: what is under way is undone then, and done again by another."""
    replies = prepare_replies(catalogue, settings.environment, settings.dip_id)
    url = f"{settings.public_urls[0]}/{catalogue.release}/dip-channel/{CHANNEL}"
    queues = OwnQueues(pool, catalogue, replies, AnswerRules(trust.credentials, settings.dip_id, url))
    while not stop.is_set():
        try:
            has_read = await queues.read_next(datetime.now(UTC))
        except Exception as error:
            log.error("own_queues_not_read", error=type(error).__name__)
            await wait_for(stop, _AWAY_SECONDS)
            continue
        if not has_read:
            await wait_for(stop, _IDLE_SECONDS)
