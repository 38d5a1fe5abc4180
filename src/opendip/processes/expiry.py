"""The worker's part in expiring: every worker looks at the heads of the queues; each step is one worker's."""

from datetime import UTC, datetime, timedelta

from opendip.catalogue import Catalogue
from opendip.domain.outcomes import PROCESSING_FAILED
from opendip.settings import Settings
from opendip.stages.expire import Expirer, ExpiryRules
from opendip.store.archive import Archive
from opendip.store.pool import Pool
from opendip.store.watch import MarketWatch


async def expire_messages(
    settings: Settings, catalogue: Catalogue, pool: Pool, archive: Archive, watch: MarketWatch
) -> None:
    """Until it is cancelled."""
    rules = ExpiryRules(
        settings.dip_id,
        timedelta(days=settings.dead_letter_after_days),
        catalogue.response_codes[PROCESSING_FAILED],
        settings.service_ticket_url or None,
    )
    await Expirer(pool, archive, rules, watch).run(lambda: datetime.now(UTC))
