"""A run as it goes: the warm-up, the start, the wait for the last delivery; what was used meanwhile."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from opendip.bench.children import Child
from opendip.bench.generator import Sent
from opendip.bench.machine import DATABASE_SETTINGS
from opendip.bench.progress import Display
from opendip.bench.usage import (
    Group,
    Usage,
    find_parts,
    find_postmaster,
    read_peak_mb,
    read_rss_mb,
    read_usage,
)
from opendip.domain.problems import Problem
from opendip.simulator.serving import read_end
from opendip.simulator.staging import Stage
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.measures import get_log_position, list_acceptances, list_settings, list_table_sizes
from opendip.store.pool import Connection, open_connection

DATABASE = "database"
LOOK_SECONDS = 0.1
_SAMPLE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long nothing may arrive before what is missing counts as lost."""


class CannotMeasure(Problem):
    """The DIP did not take or deliver the first messages."""


class Snapshot(NamedTuple):
    """What has been used so far: of the CPU, bytes by table, bytes of write-ahead log."""

    usage: Usage
    tables: Mapping[str, int]
    log_position: int


class Sample(NamedTuple):
    """Memory in MB by group, when so many deliveries had arrived."""

    delivered: int
    rss: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """Everything noted of one run."""

    calls: Sequence[Sent]
    accepted_at: Mapping[int, float]
    before: Snapshot
    after: Snapshot
    samples: Sequence[Sample]
    peak_mb: Mapping[str, float]
    database_settings: Mapping[str, str]


async def watch_run(
    serve: int, stage: Stage, generator: Child, receivers: Child, recipients: int, display: Display
) -> Run:
    """From the warm-up to the last delivery; raises `CannotMeasure` when the warm-up fails."""
    display.show("Warming up")
    await warm_up(generator, receivers, recipients, stage.log)
    groups = find_groups(serve, stage, generator, receivers)
    async with open_connection(EmbeddedPostgres(stage.home).url, "dip bench") as connection:
        before = await _take_snapshot(connection, groups)
        calls, samples = await _let_run(generator, receivers, recipients, groups, display)
        used = await _take_snapshot(connection, groups)
        # What is still in memory belongs to the size on disk as well.
        await connection.execute("checkpoint")
        accepted_at = await list_acceptances(connection, {call.submission for call in calls})
        return Run(
            calls,
            {submission: at.timestamp() for submission, at in accepted_at.items()},
            before,
            used._replace(tables=await list_table_sizes(connection)),
            samples,
            _list_peaks(groups, samples),
            await list_settings(connection, DATABASE_SETTINGS),
        )


def find_groups(serve: int, stage: Stage, generator: Child, receivers: Child) -> dict[str, Group]:
    """All the processes of a run, the DIP's and the bench's, by what they are."""
    return {
        **find_parts(serve),
        DATABASE: find_postmaster(EmbeddedPostgres(stage.home).data),
        "generator": Group([generator.pid]),
        "receivers": Group([receivers.pid]),
        "bench": Group([os.getpid()], with_children=False),
    }


async def warm_up(generator: Child, receivers: Child, recipients: int, log: Path) -> None:
    """Until the generator's first messages have arrived; raises `CannotMeasure`."""
    calls: list[Sent] = await generator.hear()
    if faults := [call.failure for call in calls if call.failure]:
        raise CannotMeasure(f"The DIP did not take the first messages. {faults[0]}\n{read_end(log)}")
    expected = recipients * sum(call.accepted for call in calls)
    began = monotonic()
    while receivers.count.value < expected:
        if monotonic() - began > PATIENCE_SECONDS:
            raise CannotMeasure(
                f"Of {expected} deliveries of the first messages {receivers.count.value} arrived within "
                f"{PATIENCE_SECONDS:g} seconds.\n{read_end(log)}"
            )
        await asyncio.sleep(LOOK_SECONDS)


async def _take_snapshot(connection: Connection, groups: Mapping[str, Group]) -> Snapshot:
    usage = read_usage(groups)
    return Snapshot(usage, await list_table_sizes(connection), await get_log_position(connection))


async def _let_run(
    generator: Child, receivers: Child, recipients: int, groups: Mapping[str, Group], display: Display
) -> tuple[list[Sent], list[Sample]]:
    """Everything sent, and everything that arrived of it; memory meanwhile."""
    generator.tell("go")
    calls: asyncio.Task[list[Sent]] = asyncio.create_task(generator.hear())
    samples: list[Sample] = []
    sampling = asyncio.create_task(_sample_memory(samples, receivers, groups))
    try:
        await _wait_for_all(calls, generator, receivers, recipients, display)
    finally:
        calls.cancel()
        sampling.cancel()
    return calls.result(), samples


async def _wait_for_all(
    calls: "asyncio.Task[list[Sent]]", generator: Child, receivers: Child, recipients: int, display: Display
) -> None:
    """Until everything promised has arrived, or nothing arrives any more."""
    accepted_before, delivered_before = generator.count.value, receivers.count.value
    delivered, changed_at = 0, monotonic()
    while not (calls.done() and delivered >= recipients * sum(call.accepted for call in calls.result())):
        await asyncio.sleep(LOOK_SECONDS)
        arrived = receivers.count.value - delivered_before
        if arrived > delivered or not calls.done():
            delivered, changed_at = arrived, monotonic()
        elif monotonic() - changed_at > PATIENCE_SECONDS:
            break
        display.update(generator.count.value - accepted_before, delivered)


async def _sample_memory(samples: list[Sample], receivers: Child, groups: Mapping[str, Group]) -> None:
    before = receivers.count.value
    while True:
        samples.append(Sample(receivers.count.value - before, read_rss_mb(groups)))
        await asyncio.sleep(_SAMPLE_SECONDS)


def _list_peaks(groups: Mapping[str, Group], samples: Sequence[Sample]) -> dict[str, float]:
    """A process remembers its own peak; of the database's many the sum is the largest one seen."""
    return {**read_peak_mb(groups), DATABASE: max(sample.rss[DATABASE] for sample in samples)}
