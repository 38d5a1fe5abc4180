"""A DIP under measurement with those who send and receive, on which a scenario plays its phases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeVar

from opendip.bench.children import Child, Count, start_child
from opendip.bench.generator import Orders, Phase, Sent, generate_phases
from opendip.bench.market import SENDER
from opendip.bench.options import BenchOptions
from opendip.bench.progress import Display
from opendip.bench.receivers import Post, Received, receive
from opendip.bench.usage import Group
from opendip.bench.watching import LOOK_SECONDS, PATIENCE_SECONDS, find_groups, warm_up
from opendip.client.credentials import Credentials
from opendip.client.sender import Sender
from opendip.domain.market import Role
from opendip.simulator.market import MeteringPoint, Player
from opendip.simulator.serving import serve
from opendip.simulator.staging import ENVIRONMENT, Stage
from opendip.store.embedded import EmbeddedPostgres
from opendip.store.pool import Connection, open_connection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a scenario has at hand while the DIP runs."""

    stage: Stage
    connection: Connection
    generator: Child
    receivers: Child
    groups: dict[str, Group]
    display: Display

    async def send(self, options: BenchOptions, mpans: Sequence[str]) -> list[Sent]:
        """One phase, to the last answer."""
        self.generator.tell(Phase(options, tuple(mpans)))
        calls: list[Sent] = await self.generator.hear()
        return calls

    async def wait_for(self, delivered: int) -> None:
        """Until so many deliveries have arrived since the beginning, or nothing arrives any more."""
        await wait_for_count(self.receivers.count, delivered)

    def open_sender(self, player: Player) -> Sender:
        """For calls that a participant makes itself."""
        return Sender(Credentials.load(self.stage.credentials / player.dip_id), self.stage.api_url)


async def wait_for_count(count: Count, wanted: int) -> None:
    """Until it has come so far, or does not move any more."""
    seen, changed_at = -1, monotonic()
    while (now := count.value) < wanted and monotonic() - changed_at < PATIENCE_SECONDS:
        if now > seen:
            seen, changed_at = now, monotonic()
        await asyncio.sleep(LOOK_SECONDS)


async def play(
    stage: Stage,
    first: BenchOptions,
    points: Sequence[MeteringPoint],
    receiving: Iterable[Player],
    display: Display,
    act: Callable[[Scene], Awaitable[T]],
) -> tuple[T, Received]:
    """Starts everything, warms it up with messages to one recipient each, acts, stops; what came of it."""
    with start_child("receivers", receive, list_posts(stage, [SENDER, *receiving])) as receivers:
        await receivers.hear()
        display.show("Starting the DIP")
        async with serve(stage.home, stage.api_port, stage.log) as dip:
            with start_child("generator", generate_phases, give_orders(stage, first, points)) as generator:
                display.show("Warming up")
                await warm_up(generator, receivers, 1, stage.log)
                groups = find_groups(dip.pid, stage, generator, receivers)
                async with open_connection(EmbeddedPostgres(stage.home).url, "dip bench") as connection:
                    result = await act(Scene(stage, connection, generator, receivers, groups, display))
        # Only now that the DIP has stopped can nothing more arrive.
        receivers.tell("stop")
        return result, await receivers.hear()


def list_posts(stage: Stage, players: Iterable[Player]) -> list[Post]:
    """Where these receive, each with its own credentials."""
    return [Post(p.dip_id, stage.ports[p.dip_id], _find_credentials(stage, p)) for p in players]


def give_orders(stage: Stage, options: BenchOptions, points: Sequence[MeteringPoint]) -> Orders:
    """What the generator is told: yesterday's values of these metering points."""
    return Orders(
        options=options,
        credentials=_find_credentials(stage, SENDER),
        url=stage.api_url,
        sender=Role(SENDER.dip_id, SENDER.roles[0]),
        distributor=points[0].distributor,
        mpans=tuple(point.mpan for point in points),
        settlement_day=(datetime.now(UTC) - timedelta(days=1)).date(),
        environment=ENVIRONMENT,
    )


def _find_credentials(stage: Stage, player: Player) -> Path:
    return stage.credentials / player.dip_id
