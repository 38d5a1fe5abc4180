"""`dip api`: the participant API."""

import asyncio
from datetime import timedelta
from pathlib import Path

import structlog

from opendip.api import ApiContext, ApiRules, create_app, serve_api
from opendip.api.bodies import COPIES
from opendip.api.budget import BodyBudget
from opendip.api.context import Replaying
from opendip.api.slots import ReplaySlots
from opendip.api.sockets import listen
from opendip.catalogue import Catalogue, load
from opendip.domain.batches import prepare_splitting
from opendip.processes.running import run_beside, run_process
from opendip.processes.trust import TrustWatch
from opendip.settings import Settings
from opendip.stages.accept import AcceptRules, prepare_channels
from opendip.stages.relay import prepare_schema
from opendip.stages.replay import PageLimits
from opendip.stages.replay import prepare_channels as prepare_replays
from opendip.store.pool import Pool, open_pool
from opendip.store.submissions import advance_numbers
from opendip.store.watch import MarketWatch

API_VERSION = "1.1"
"""E2E 8.4: the version in the path at present; the catalogue's own is served too."""
_CONNECTIONS = 10
_REPLAYED_BYTES = 64 * 2**20
"""Of one answer to a replay, about."""
_DRAIN_SECONDS = 30

log = structlog.get_logger()


def run_api(home: Path) -> None:
    """Serves until SIGTERM."""
    run_process(home, _main)


async def _main(settings: Settings, database_url: str, stop: asyncio.Event) -> None:
    trust = TrustWatch(settings)
    async with open_pool(database_url, "dip api", most=_CONNECTIONS) as pool:
        watch = await MarketWatch.open(pool)
        async with pool.acquire() as connection:
            await advance_numbers(connection)
        app = create_app(_make_context(settings, load(), pool, watch, trust))
        serving = serve_api(
            app,
            listen(settings.api_host, settings.api_port, is_shared=settings.api_processes > 1),
            trust.make_server_context(),
            stop,
            lambda: log.info("api_ready", host=settings.api_host, port=settings.api_port),
            _DRAIN_SECONDS,
        )
        watching = asyncio.create_task(run_beside(stop, watch.run(), trust.run()))
        await serving
        stop.set()
        await watching


def _make_context(
    settings: Settings, catalogue: Catalogue, pool: Pool, watch: MarketWatch, trust: TrustWatch
) -> ApiContext:
    prepare_splitting(settings.max_messages)
    rules = ApiRules(
        public_urls=settings.public_urls,
        tolerance=timedelta(seconds=settings.signature_tolerance_seconds),
        max_body_bytes=settings.max_body_bytes,
        body_timeout=timedelta(seconds=settings.body_timeout_seconds),
        allows_private_webhooks=settings.allow_private_webhooks,
        accept=AcceptRules(
            environment=settings.environment,
            max_messages=settings.max_messages,
            dip_id=settings.dip_id,
            response_texts=catalogue.response_codes,
            ticket_url=settings.service_ticket_url or None,
        ),
    )
    return ApiContext(
        pool=pool,
        get_market=watch.get_market,
        get_trust=trust.get_trust,
        channels=prepare_channels(catalogue),
        statuses=prepare_schema(catalogue),
        receivers={channel.id: channel.receivers for channel in catalogue.channels.values()},
        versions=frozenset({API_VERSION, catalogue.release}),
        rules=rules,
        budget=BodyBudget(settings.max_in_flight_bytes, COPIES * settings.max_body_bytes),
        replays=Replaying(
            channels=prepare_replays(catalogue, settings.service_ticket_url or None),
            limits=PageLimits(settings.max_replayed_messages, _REPLAYED_BYTES),
            slots=ReplaySlots(),
        ),
    )
