"""`python -m tests.faults --kills 1000 --seed 7`: the long form; ends with one line of counts (`make faults`)."""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from itertools import groupby, islice
from pathlib import Path
from random import Random, SystemRandom

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.faults.checker import Verdict
from tests.faults.load import Load
from tests.faults.running import run_faults
from tests.faults.world import open_world

_FINDINGS_SHOWN = 12
"""Of each kind."""


def main() -> int:
    options = _parse()
    console = Console(stderr=True)
    # That senders must try again, and that connections break, is what is wanted here.
    for name in ("opendip.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
    console.print(f"seed={options.seed}", highlight=False)
    place = Path(tempfile.mkdtemp(prefix="opendip-faults-"))
    # The user PostgreSQL runs as must reach its files.
    place.chmod(0o711)
    verdict = asyncio.run(_run(place, options.kills, options.seed, console))
    for _, lines in groupby(verdict.findings, lambda line: line.partition(":")[0]):
        for line in islice(lines, _FINDINGS_SHOWN):
            console.print(line, highlight=False, soft_wrap=True)
    if verdict.is_clean:
        shutil.rmtree(place)
    else:
        console.print(f"The logs and the database of this run are in {place}.", highlight=False, soft_wrap=True)
    print(verdict)
    return 0 if verdict.is_clean else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Break a DIP under load, and judge.")
    parser.add_argument("--kills", type=int, default=1000, help="how many faults")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="what is random comes of it")
    return parser.parse_args()


async def _run(place: Path, kills: int, seed: int, console: Console) -> Verdict:
    random = Random(seed)
    columns = (
        TextColumn("faults"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[sent]}"),
    )
    async with open_world(place, random) as world:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("faults", total=kills, sent="")

            def report(done: int, load: Load) -> None:
                progress.update(task, completed=done, sent=f"{len(load.sent)} messages sent")

            return await run_faults(world, random, kills, report)


if __name__ == "__main__":
    sys.exit(main())
