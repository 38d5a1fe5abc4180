"""`dip bench drain`: a long queue for one recipient is built up while its webhook is paused, and then drained.

Beside it another recipient is sent messages at a low rate: before there is a backlog, while it stands, and while it
drains.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

from opendip.bench.drain_report import make_drain_report
from opendip.bench.generator import WARM_UP_BATCHES, Sent
from opendip.bench.machine import DATABASE_SETTINGS
from opendip.bench.market import SENDER, list_mpans, list_suppliers, make_supplied_points
from opendip.bench.options import BenchOptions, DrainOptions
from opendip.bench.progress import Display
from opendip.bench.scene import Scene, play
from opendip.bench.stretches import DrainRun, Look, Stretch
from opendip.bench.usage import read_rss_mb, read_usage
from opendip.bench.watching import PATIENCE_SECONDS
from opendip.simulator.consumption import CHANNEL
from opendip.simulator.market import MeteringPoint, Player
from opendip.simulator.staging import make_home, make_market, set_stage
from opendip.store.measures import count_unrouted, list_acceptances, list_settings

_SAMPLE_SECONDS = 0.5
_STRETCH_SECONDS = 2.0
_OTHERS_BATCH = 5


async def measure_drain(options: DrainOptions, directory: Path, display: Display) -> dict[str, Any]:
    """From nothing to the figures."""
    began_at = datetime.now(UTC)
    display.show("Making a DIP and its market")
    slow, other = players = list_suppliers(2)
    points = make_supplied_points(players)
    stage = set_stage(directory, [SENDER, *players])
    await make_home(stage, began_at)
    await make_market(stage, [SENDER, *players], points, began_at)
    first = BenchOptions(batch=options.batch)

    async def act(scene: Scene) -> DrainRun:
        return await _Drain(scene, options, points, slow, other).run()

    run, received = await play(stage, first, points, players, display, act)
    return make_drain_report(options, run, received, slow.dip_id, other.dip_id, began_at)


class _Drain:
    def __init__(
        self, scene: Scene, options: DrainOptions, points: Sequence[MeteringPoint], slow: Player, other: Player
    ) -> None:
        self._scene = scene
        self._options = options
        self._slow = slow
        self._mpans = list_mpans(points, [slow])
        self._others_mpans = list_mpans(points, [other])
        self._owed = WARM_UP_BATCHES * options.batch

    async def run(self) -> DrainRun:
        scene = self._scene
        alone = await self._send_to_other("The other recipient, with no backlog beside it")
        await self._hold_back()
        build = await self._build_up()
        standing = await self._send_to_other("The other recipient, beside the standing backlog")
        looks: list[Look] = []
        watching = asyncio.create_task(self._watch(looks))
        opened_at = time()
        draining = await self._drain(sum(call.accepted for call in build.calls))
        watching.cancel()
        looks.append(self._look())
        stretches = {"alone": alone, "beside_standing": standing, "beside_draining": draining}
        sent = {c.submission for s in (build, *stretches.values()) for c in s.calls}
        accepted_at = await list_acceptances(scene.connection, sent)
        return DrainRun(
            build,
            stretches,
            opened_at,
            looks,
            {submission: at.timestamp() for submission, at in accepted_at.items()},
            await list_settings(scene.connection, DATABASE_SETTINGS),
        )

    async def _hold_back(self) -> None:
        async with self._scene.open_sender(self._slow) as sender:
            await sender.pause_webhook(CHANNEL)

    async def _build_up(self) -> Stretch:
        """All of it accepted and routed, and written to disk, so that none of that work is left for later."""
        scene, options = self._scene, self._options
        scene.display.show(f"Building up a queue of {options.messages:,} messages")
        before = read_usage(scene.groups)
        calls = await scene.send(BenchOptions(messages=options.messages, batch=options.batch), self._mpans)
        after = read_usage(scene.groups)
        await self._wait_until_routed()
        await scene.connection.execute("checkpoint")
        return Stretch(calls, before, after)

    async def _wait_until_routed(self) -> None:
        for _ in range(round(PATIENCE_SECONDS / _SAMPLE_SECONDS)):
            if not await count_unrouted(self._scene.connection):
                return
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _send_to_other(self, doing: str) -> Stretch:
        self._scene.display.show(doing)
        before = read_usage(self._scene.groups)
        calls = await self._send_steadily(self._options.others_seconds)
        await self._scene.wait_for(self._owed)
        return Stretch(calls, before, read_usage(self._scene.groups))

    async def _send_steadily(self, seconds: float) -> list[Sent]:
        options = BenchOptions(batch=_OTHERS_BATCH, rate=self._options.others_rate, seconds=seconds)
        calls = await self._scene.send(options, self._others_mpans)
        self._owed += sum(call.accepted for call in calls)
        return calls

    async def _drain(self, backlog: int) -> Stretch:
        scene = self._scene
        scene.display.show(f"Draining {backlog:,} messages")
        before = read_usage(scene.groups)
        async with scene.open_sender(self._slow) as sender:
            if self._options.limit is not None:
                await sender.set_webhook(
                    CHANNEL, f"{scene.stage.get_url(self._slow.dip_id)}/messages", max_message_rate=self._options.limit
                )
            await sender.resume_webhook(CHANNEL)
        self._owed += backlog
        drained = asyncio.create_task(self._wait_until_drained())
        calls: list[Sent] = []
        while not drained.done():
            calls += await self._send_steadily(_STRETCH_SECONDS)
        await scene.wait_for(self._owed)
        return Stretch(calls, before, read_usage(scene.groups))

    async def _wait_until_drained(self) -> None:
        """Or nothing arrives any more. What is sent meanwhile is owed as well, so the mark moves."""
        while (count := self._scene.receivers.count.value) < self._owed:
            await self._scene.wait_for(self._owed)
            if self._scene.receivers.count.value == count:
                return

    async def _watch(self, looks: list[Look]) -> None:
        while True:
            looks.append(self._look())
            await asyncio.sleep(_SAMPLE_SECONDS)

    def _look(self) -> Look:
        groups = self._scene.groups
        return Look(time(), read_usage(groups), read_rss_mb(groups))
