"""The demo left up: what a visitor can do with it, told in commands that work as they stand."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from rich.console import Console

from opendip.domain.market import Role
from opendip.domain.references import format_timestamp
from opendip.simulator.consumption import CHANNEL, make_consumption
from opendip.simulator.market import SMART_DATA, MeteringPoint
from opendip.simulator.staging import ENVIRONMENT, Stage

_SENDER = SMART_DATA[0]


async def keep_up(stage: Stage, point: MeteringPoint, random: Random, now: datetime, console: Console) -> None:
    """Say how to talk to the DIP, then wait for Ctrl-C."""
    example = _write_example(stage.directory / "consumption.json", point, random, now)
    sender = stage.credentials / _SENDER.dip_id
    console.print(
        f"\nThe DIP is up at {stage.api_url}; its log: {stage.log}\n"
        f"Send it a message:  dip send --as {sender} --to {stage.api_url} {CHANNEL} {example}\n"
        f"Its settings:       dip settings --home {stage.home}\n"
        f"Ctrl-C stops it; it stays in {stage.directory} and starts again with: dip serve --home {stage.home}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _write_example(file: Path, point: MeteringPoint, random: Random, now: datetime) -> Path:
    message = make_consumption(
        random,
        mpan=point.mpan,
        sender=Role(_SENDER.dip_id, "SDS"),
        distributor=point.distributor,
        settlement_day=now.date() - timedelta(days=2),
        reference=f"S-{CHANNEL}-{_SENDER.dip_id}-SDS-{now:%Y%m%d}-byhand",
        sent_at=format_timestamp(now),
        environment=ENVIRONMENT,
    )
    file.write_bytes(b"[" + message + b"]\n")
    return file
