"""One bench from nothing to its result: a home and a market, the DIP, those who send and receive, the measuring."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from opendip.bench.children import start_child
from opendip.bench.dead import measure_dead
from opendip.bench.drain import measure_drain
from opendip.bench.generator import generate
from opendip.bench.market import SENDER, list_recipients, make_points
from opendip.bench.options import BenchOptions, DeadOptions, DrainOptions
from opendip.bench.progress import Display, open_display
from opendip.bench.receivers import Received, receive
from opendip.bench.report import make_report
from opendip.bench.scenario_tables import print_dead_report, print_drain_report
from opendip.bench.scene import give_orders, list_posts
from opendip.bench.table import print_report
from opendip.bench.watching import Run, watch_run
from opendip.simulator.market import MeteringPoint, Player
from opendip.simulator.serving import serve
from opendip.simulator.staging import Stage, make_home, make_market, open_directory, set_stage

Report = Mapping[str, Any]
Measure = Callable[[Path, Display], Coroutine[Any, Any, Report]]


def run(options: BenchOptions) -> int:
    """Measures, writes, prints. 0 when everything sent was accepted and arrived exactly once, else 1."""
    options.check()
    console = Console()
    report = asyncio.run(_run(options, console))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    print_report(console, report)
    return int(any(report[name] for name in ("lost", "duplicates", "refused_calls")))


def run_dead(options: DeadOptions) -> int:
    """0 when those that are well felt nothing of the dead, and everything arrived exactly once in the end, else 1."""
    options.check()
    return _play(options, lambda directory, display: measure_dead(options, directory, display), print_dead_report)


def run_drain(options: DrainOptions) -> int:
    """0 when a long queue drained as fast as it must and cost nobody else anything, else 1."""
    options.check()
    return _play(options, lambda directory, display: measure_drain(options, directory, display), print_drain_report)


def _play(options: DeadOptions | DrainOptions, measure: Measure, show: Callable[[Console, Report], None]) -> int:
    console = Console()
    with (
        open_directory(options.home, keep=options.keep) as directory,
        open_display(console, None, 1) as display,
    ):
        report = asyncio.run(measure(directory, display))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    show(console, report)
    return int(not all(report["verdict"].values()))


async def _run(options: BenchOptions, console: Console) -> dict[str, Any]:
    recipients = list_recipients(options.recipients)
    began_at = datetime.now(UTC)
    with (
        open_directory(options.home, keep=options.keep) as directory,
        open_display(console, options.planned, len(recipients)) as display,
    ):
        display.show("Making a DIP and its market")
        stage = set_stage(directory, [SENDER, *recipients])
        points = make_points(recipients)
        await make_home(stage, began_at)
        await make_market(stage, [SENDER, *recipients], points, began_at)
        run, received = await _measure(stage, options, recipients, points, display)
    return make_report(options, run, received, [player.dip_id for player in recipients], began_at)


async def _measure(
    stage: Stage,
    options: BenchOptions,
    recipients: Sequence[Player],
    points: Sequence[MeteringPoint],
    display: Display,
) -> tuple[Run, Received]:
    # The sender receives as well: status messages, if anything goes wrong.
    with start_child("receivers", receive, list_posts(stage, [SENDER, *recipients])) as receivers:
        await receivers.hear()
        display.show("Starting the DIP")
        async with serve(stage.home, stage.api_port, stage.log) as dip:
            with start_child("generator", generate, give_orders(stage, options, points)) as generator:
                run = await watch_run(dip.pid, stage, generator, receivers, len(recipients), display)
        # Only now that the DIP has stopped can nothing more arrive.
        receivers.tell("stop")
        return run, await receivers.hear()
