"""`dip demo`: a DIP and a small market on it, from nothing to the end of a business day."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic

import uvloop
from rich.console import Console
from rich.live import Live

from opendip.catalogue import compile_catalogue, load
from opendip.domain.problems import Problem
from opendip.simulator.actors import Knowledge
from opendip.simulator.day import Day, Plan, play
from opendip.simulator.keeping import keep_up
from opendip.simulator.ledger import Ledger
from opendip.simulator.market import PLAYERS, MeteringPoint, make_metering_points
from opendip.simulator.recipients import Directory
from opendip.simulator.serving import serve
from opendip.simulator.staging import ENVIRONMENT, make_home, make_market, open_directory, set_stage
from opendip.simulator.station import Scene
from opendip.simulator.stations import open_stations
from opendip.simulator.table import make_live_table, make_summary, print_verdict

_REFRESHES_A_SECOND = 4
_INTERRUPTED = 130


def run(home: Path | None, keep: bool) -> int:
    """Play the demo in a new directory, or a temporary one: 0 when every delivery came once and in form."""
    return run_plan(home, keep, Plan(), Console())


def run_plan(home: Path | None, keep: bool, plan: Plan, console: Console) -> int:
    """The same, for a day of any size."""
    try:
        with (
            open_directory(home, keep=keep) as directory,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            return runner.run(_run(directory, keep, plan, console))
    except Problem as problem:
        console.print(str(problem), style="red", markup=False, highlight=False)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped before the end.")
        return _INTERRUPTED


async def _run(directory: Path, keep: bool, plan: Plan, console: Console) -> int:
    _end_in_order_on_sigterm()
    now = datetime.now(UTC)
    random = Random(now.timestamp())  # noqa: S311 - what is invented keeps no secret
    stage = set_stage(directory, PLAYERS)
    points = make_metering_points(plan.metering_points, now.date())
    with _doing(console, "A home: database, authorities, certificates"):
        await make_home(stage, now)
    with _doing(console, f"A market: {len(PLAYERS)} participants, {len(points):,} metering points"):
        await make_market(stage, PLAYERS, points, now)
    scene = _make_scene(points, now)
    console.print(f"The DIP at {stage.api_url}, and a business day on it", highlight=False)
    async with (
        serve(stage.home, stage.api_port, stage.log) as dip,
        open_stations(stage, PLAYERS, scene) as stations,
    ):
        day = Day(stations, points, now.date(), plan)
        day.prepare(random)
        with _show(scene, console):
            await play(day, scene.ledger, lambda: dip.returncode is None)
        console.print(make_summary(scene.ledger, scene.catalogue))
        print_verdict(console, scene.ledger)
        if keep:
            await keep_up(stage, points[0], random, now, console)
    return 1 if scene.ledger.faults else 0


def _make_scene(points: Sequence[MeteringPoint], now: datetime) -> Scene:
    catalogue = load()
    decoders = {channel: decoder.decode for channel, decoder in compile_catalogue(catalogue).items()}
    known = Knowledge({point.mpan: point for point in points}, now.date())
    return Scene(ENVIRONMENT, catalogue, Directory(PLAYERS), known, Ledger(decoders), partial(datetime.now, UTC))


@contextmanager
def _doing(console: Console, what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    began_at = monotonic()
    with console.status(what):
        yield
    console.print(f"{what}: {monotonic() - began_at:.1f} s", highlight=False)


def _show(scene: Scene, console: Console) -> Live:
    """The live table, redrawn while the day is played; it gives way to the summary."""
    return Live(
        get_renderable=partial(make_live_table, scene.ledger, scene.catalogue),
        console=console,
        refresh_per_second=_REFRESHES_A_SECOND,
        transient=True,
    )


def _end_in_order_on_sigterm() -> None:
    """As Ctrl-C does: whatever was started is stopped."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
