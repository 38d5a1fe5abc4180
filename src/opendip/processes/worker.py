"""`dip worker`: routes what was accepted, delivers what was routed, expires what could not be delivered."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import uuid4

import structlog

from opendip.catalogue import load
from opendip.domain.breakers import BreakerRules
from opendip.domain.publications import Wrapper
from opendip.processes.database_clock import look_at_database_clock, watch_database_clock
from opendip.processes.expiry import expire_messages
from opendip.processes.own_queues import read_own_queues
from opendip.processes.requeues import requeue_messages
from opendip.processes.running import run_beside, run_process, wait_for
from opendip.processes.trust import TrustWatch
from opendip.settings import Settings
from opendip.stages.deliver import Deliverer, DeliveryRules, Transport
from opendip.stages.deliver.batches import Limits
from opendip.stages.route import Router, RoutingChannel, prepare_channels
from opendip.store.archive import Archive
from opendip.store.pool import DATABASE_FAULTS, Pool, open_pool
from opendip.store.submissions import Submitted, advance_numbers
from opendip.store.watch import MarketWatch

_CONNECTIONS = 20
_IDLE_SECONDS = 0.05
"""How long a worker sleeps that finds nothing to do. Asking a small table twenty times a second costs next to
nothing, and a notification at each commit would make commits wait for each other."""
_AWAY_SECONDS = 1.0
_MESSAGES_ROUTED = 5_000
_ARCHIVE_BYTES = 256 * 2**20

log = structlog.get_logger()


def run_worker(home: Path) -> None:
    """Works until SIGTERM; then finishes the deliveries under way."""
    run_process(home, _main)


async def _main(settings: Settings, database_url: str, stop: asyncio.Event) -> None:
    catalogue, trust = load(), TrustWatch(settings)
    channels = prepare_channels(catalogue)
    archive = Archive(_ARCHIVE_BYTES, lambda submitted: _wrap(submitted, channels, settings))
    transport = Transport(
        trust.make_client_context(),
        settings.webhook_connect_timeout_seconds,
        settings.webhook_answer_timeout_seconds,
        settings.allow_private_webhooks,
    )
    async with open_pool(database_url, "dip worker", most=_CONNECTIONS) as pool, transport:
        watch = await MarketWatch.open(pool, settings.dip_id)
        async with pool.acquire() as connection:
            await advance_numbers(connection)
            await look_at_database_clock(connection, timedelta(seconds=settings.lease_seconds))
        router = Router(channels, archive, catalogue.response_codes, settings.dip_id)
        rules = _make_rules(settings, trust)
        deliverer = Deliverer(uuid4(), pool, archive, transport, rules, watch)
        log.info("worker_ready")
        own = read_own_queues(settings, catalogue, trust, pool, stop)
        expiry = expire_messages(settings, catalogue, pool, archive, watch)
        clock = watch_database_clock(pool, rules.lease)
        requeues = requeue_messages(settings, pool, stop)
        loops = (watch.run(), trust.run(), clock, deliverer.keep_leases(), own, expiry, requeues)
        beside = asyncio.create_task(run_beside(stop, *loops))
        # Without its watch or its leases a worker must not go on.
        beside.add_done_callback(lambda _: stop.set())
        try:
            await _work(pool, router, deliverer, watch, stop)
        finally:
            stop.set()
            await deliverer.stop()
            await beside


async def _work(pool: Pool, router: Router, deliverer: Deliverer, watch: MarketWatch, stop: asyncio.Event) -> None:
    while not stop.is_set():
        began = monotonic()
        try:
            routed = await router.route_waiting(pool, watch.get_market(), datetime.now(UTC), _MESSAGES_ROUTED)
            started = await deliverer.start_due()
        except DATABASE_FAULTS as error:
            log.error("database_away", error=type(error).__name__)
            await wait_for(stop, _AWAY_SECONDS)
            continue
        if routed:
            # Deliveries get as much of the time as routing did: what is routed goes out while it is still at hand.
            await wait_for(stop, monotonic() - began)
        elif not started:
            await wait_for(stop, _IDLE_SECONDS)


def _make_rules(settings: Settings, trust: TrustWatch) -> DeliveryRules:
    return DeliveryRules(
        credentials=trust.credentials,
        limits=Limits(settings.default_max_message_count, settings.default_max_payload_bytes),
        dip_id=settings.dip_id,
        retry_base=timedelta(seconds=settings.retry_base_seconds),
        retry_ceiling=timedelta(seconds=settings.retry_ceiling_seconds),
        breaker=BreakerRules(
            failures=settings.breaker_failures,
            pause=timedelta(seconds=settings.breaker_pause_seconds),
            ceiling=timedelta(seconds=settings.breaker_ceiling_seconds),
        ),
        lease=timedelta(seconds=settings.lease_seconds),
        ticket_url=settings.service_ticket_url or None,
        recipient_concurrency=settings.recipient_concurrency,
    )


def _wrap(submitted: Submitted, channels: Mapping[str, RoutingChannel], settings: Settings) -> Wrapper:
    channel = channels[submitted.channel]
    return Wrapper(
        submission=submitted.id,
        accepted_at=submitted.accepted_at,
        channel=submitted.channel,
        publication_id=channel.channel.publication_id,
        correlated_events=channel.correlated_events,
        ticket_url=settings.service_ticket_url or None,
    )
