"""All participants at their places: connected to the DIP, listening for it, and heard when they complain."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from opendip.client.credentials import Credentials
from opendip.client.receiver import MESSAGES_PATH, STATUS_PATH, Receiver
from opendip.client.sender import Sender
from opendip.simulator.ledger import Ledger
from opendip.simulator.market import Player
from opendip.simulator.staging import Stage
from opendip.simulator.station import Scene, Station


@asynccontextmanager
async def open_stations(stage: Stage, players: Sequence[Player], scene: Scene) -> AsyncIterator[dict[str, Station]]:
    """A station for every player, by DIP id."""
    async with AsyncExitStack() as stack:
        stack.enter_context(_hear_complaints(scene.ledger))
        yield {player.dip_id: await _open_station(stack, stage, player, scene) for player in players}


async def _open_station(stack: AsyncExitStack, stage: Stage, player: Player, scene: Scene) -> Station:
    # E2E 3.3.2: a connection provider sends and receives for the participant, as itself.
    credentials = Credentials.load(stage.credentials / (player.provider or player.dip_id))
    sender = await stack.enter_async_context(Sender(credentials, stage.api_url))
    station = Station(player, sender, scene)
    receiver = Receiver(credentials, port=stage.ports[player.dip_id])
    receiver.add_messages(MESSAGES_PATH, station.take_messages, recipient_id=player.dip_id)
    receiver.add_status(STATUS_PATH, station.take_statuses, recipient_id=player.dip_id)
    await stack.enter_async_context(receiver)
    return station


class _Complaints(logging.Handler):
    """Writes what the client logs into the books: a delivery it refuses is a fault, a repeated call is not."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(logging.WARNING)
        self._ledger = ledger

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "webhook":
            self._ledger.note_fault("refused delivery", record.getMessage())
        else:
            self._ledger.notes.append(record.getMessage())


@contextmanager
def _hear_complaints(ledger: Ledger) -> Iterator[None]:
    logger, complaints = logging.getLogger("opendip.client"), _Complaints(ledger)
    logger.addHandler(complaints)
    try:
        yield
    finally:
        logger.removeHandler(complaints)
