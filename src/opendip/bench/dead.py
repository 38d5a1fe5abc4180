"""`dip bench dead`: what the recipients that are well feel of those that are not.

Those that are well are sent the same at the same pace three times: alone, beside recipients that are dead, and alone
again, which shows how much two such runs differ anyway. At the end the dead come back, and get what they missed.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opendip.bench.children import Child, start_child
from opendip.bench.dead_report import make_dead_report
from opendip.bench.generator import WARM_UP_BATCHES
from opendip.bench.machine import DATABASE_SETTINGS
from opendip.bench.market import SENDER, list_mpans, list_suppliers, make_supplied_points
from opendip.bench.options import BenchOptions, DeadOptions
from opendip.bench.progress import Display
from opendip.bench.receivers import Received, receive
from opendip.bench.scene import Scene, list_posts, play, wait_for_count
from opendip.bench.stretches import DeadRun, Stretch
from opendip.bench.unwell import list_ways, play_dead
from opendip.bench.usage import read_usage
from opendip.simulator.consumption import CHANNEL
from opendip.simulator.market import MeteringPoint, Player
from opendip.simulator.staging import make_home, make_market, set_stage
from opendip.store.measures import list_acceptances, list_settings


async def measure_dead(options: DeadOptions, directory: Path, display: Display) -> dict[str, Any]:
    """From nothing to the figures."""
    began_at = datetime.now(UTC)
    display.show("Making a DIP and its market")
    suppliers = list_suppliers(options.recipients)
    points = make_supplied_points(suppliers)
    well, dead = suppliers[options.dead :], suppliers[: options.dead]
    stage = set_stage(directory, [SENDER, *suppliers])
    await make_home(stage, began_at)
    await make_market(stage, [SENDER, *suppliers], points, began_at)
    with start_child("the dead", play_dead, list_posts(stage, dead)) as unwell:
        await unwell.hear()

        async def act(scene: Scene) -> DeadRun:
            return await _Dying(scene, options, points, well, dead, unwell).run()

        first = BenchOptions(batch=len(well))
        run, received = await play(stage, first, list_points(points, well), well, display, act)
    return make_dead_report(options, run, received, [player.dip_id for player in well], began_at)


def list_points(points: Sequence[MeteringPoint], suppliers: Sequence[Player]) -> list[MeteringPoint]:
    """The metering points of these suppliers."""
    mpans = set(list_mpans(points, suppliers))
    return [point for point in points if point.mpan in mpans]


class _Dying:
    def __init__(
        self,
        scene: Scene,
        options: DeadOptions,
        points: Sequence[MeteringPoint],
        well: Sequence[Player],
        dead: Sequence[Player],
        unwell: Child,
    ) -> None:
        self._scene = scene
        self._options = options
        self._points = points
        self._well = well
        self._dead = dead
        self._unwell = unwell
        self._owed = WARM_UP_BATCHES * len(well)

    async def run(self) -> DeadRun:
        scene, everybody = self._scene, [*self._dead, *self._well]
        without = await self._send("Without the dead", self._well)
        beside = await self._send("Beside the dead", everybody)
        with ExitStack() as stack:
            revived = await self._revive(stack, sum(call.accepted for call in beside.calls))
            again = await self._send("Without the dead, again", self._well)
            revived.tell("stop")
            late: Received = await revived.hear()
        stretches = {"without": without, "beside": beside, "without_again": again}
        sent = {call.submission for stretch in stretches.values() for call in stretch.calls}
        accepted_at = await list_acceptances(scene.connection, sent)
        return DeadRun(
            stretches,
            late,
            list_ways(len(self._dead)),
            self._unwell.count.value,
            {submission: at.timestamp() for submission, at in accepted_at.items()},
            await list_settings(scene.connection, DATABASE_SETTINGS),
        )

    async def _send(self, doing: str, recipients: Sequence[Player]) -> Stretch:
        """One message for each of them a call: so those that are well get theirs at the same pace every time."""
        scene, options = self._scene, self._options
        scene.display.show(doing)
        before = read_usage(scene.groups)
        share = len(recipients) / options.recipients
        sending = BenchOptions(batch=len(recipients), rate=options.rate * share, seconds=options.seconds)
        calls = await scene.send(sending, list_mpans(self._points, recipients))
        accepted = sum(call.accepted for call in calls)
        self._owed += accepted * len(self._well) // len(recipients)
        await scene.wait_for(self._owed)
        return Stretch(calls, before, read_usage(scene.groups))

    async def _revive(self, stack: ExitStack, accepted: int) -> Child:
        """The dead take what they missed: their webhooks work again, and they say so."""
        scene = self._scene
        scene.display.show("The dead come back")
        self._unwell.tell("stop")
        await self._unwell.hear()
        revived = stack.enter_context(start_child("the revived", receive, list_posts(scene.stage, self._dead)))
        await revived.hear()
        for player in self._dead:
            async with scene.open_sender(player) as sender:
                await sender.set_webhook(CHANNEL, f"{scene.stage.get_url(player.dip_id)}/messages")
        await wait_for_count(revived.count, accepted * len(self._dead) // self._options.recipients)
        return revived
