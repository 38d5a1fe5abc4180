"""The small market of the consumption replays: three advanced data services one after the other, and a stranger."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from opendip.operations.markets import apply_market_to_home
from opendip.store.pool import Pool
from tests.journeys.answers import assert_accepted
from tests.journeys.drafts import draft
from tests.journeys.inboxes import Arrival, Inbox
from tests.journeys.participants import Participant
from tests.journeys.processes import DipProcess
from tests.journeys.waiting import eventually

EARLIER, OLD, NEW = "1400000111", "1400000129", "1400000137"
"""Three advanced data services, one after the other; OLD is a smart one too."""
STRANGER = "1400000145"
SETTLEMENT = "1800000101"
SUPPLIER, NEW_SUPPLIER = "2300000112", "2300000120"
DIP_ID = "0000000000"

MPAN, OTHER_MPAN, LONG_MPAN, ORPHAN_MPAN, QUIET_MPAN = (str(2000000300000 + 7 * n) for n in range(5))
SUPPLY_START = "2026-02-10"

PARTICIPANTS = {
    EARLIER: ("Example Metering Data Ltd", "EXED", "[ADS]"),
    OLD: ("Example Old Data Ltd", "EXOD", "[ADS, SDS]"),
    NEW: ("Example New Data Ltd", "EXND", "[ADS]"),
    STRANGER: ("Example Strange Data Ltd", "EXSD", "[ADS]"),
    SETTLEMENT: ("Example Central Ltd", "EXCM", "[MDS]"),
    SUPPLIER: ("Example Supply Ltd", "EXSP", "[SUP]"),
    NEW_SUPPLIER: ("Example Energy Ltd", "EXNS", "[SUP]"),
}
ASKING = (OLD, NEW, STRANGER)


def write_market(directory: Path, ports: dict[str, int]) -> Path:
    lines = ["organisations:"]
    for dip_id, (name, mpid, roles) in PARTICIPANTS.items():
        base = f"https://127.0.0.1:{ports[dip_id]}" if dip_id in ports else ""
        hooks = f', webhooks: {{messages: "{base}/messages", status: "{base}/status"}}' if base else ""
        lines += [f"  - name: {name}", "    participants:"]
        lines.append(f'      - {{dip_id: "{dip_id}", mpid: {mpid}, roles: {roles}{hooks}}}')
    path = directory / "market.yaml"
    path.write_text("\n".join([*lines, "address_files: [addresses.csv]"]) + "\n")
    (directory / "addresses.csv").write_text("\n".join(["mpan,role,dip_id,from,to", *list_addresses()]) + "\n")
    return path


def list_addresses() -> list[str]:
    lines = []
    for mpan in (MPAN, OTHER_MPAN, LONG_MPAN, QUIET_MPAN):
        lines += [
            f"{mpan},SUP,{SUPPLIER},2020-01-01,{SUPPLY_START}",
            f"{mpan},SUP,{NEW_SUPPLIER},{SUPPLY_START},",
            f"{mpan},ADS,{EARLIER},2020-01-01,2025-12-01",
            f"{mpan},ADS,{OLD},2025-12-01,{SUPPLY_START}",
            f"{mpan},ADS,{NEW},{SUPPLY_START},",
        ]
    return [*lines, f"{ORPHAN_MPAN},ADS,{NEW},2020-01-01,"]


@dataclass
class ReplayingDip:
    """A DIP, its workers, and whoever asks."""

    home: Path
    database_url: str
    pool: Pool
    workers: list[DipProcess]
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    participants: dict[str, Participant] = field(default_factory=dict)

    async def send(self, sender: str, channel: str, *messages: dict[str, Any]) -> list[str]:
        return assert_accepted(await self.participants[sender].send(channel, list(messages)), len(messages))

    async def ask(self, asker: str, mpan: str, **options: Any) -> str:
        """The hexadecimal part of the request's transaction id."""
        request = draft("IF-015", "ConsumptionReplay", sender=asker, role="ADS", mpan=mpan, **options)
        [transaction] = await self.send(asker, "IF-015", request)
        return transaction.rpartition("-")[2]

    async def wait_until_answered(self) -> None:
        """All that was asked is answered, and every answer is delivered."""
        query = """select (select count(*) from intake) + (
            select coalesce(sum(q.tail - p.done), 0) from queue q join queue_progress p on p.queue = q.id
            where q.dip_id = $1 and q.channel = 'IF-015' or q.channel = 'IF-016')"""

        async def is_done() -> bool:
            async with self.pool.acquire() as connection:
                return await connection.fetchval(query, DIP_ID) == 0

        await eventually(is_done, "all requests are answered")

    def list_answers(self, asker: str, request: str) -> list[Arrival]:
        """Of one request, in the order of their transaction ids; each once, however often it came."""
        arrivals = self.inboxes[asker].arrivals
        return [
            arrivals[transaction][0]
            for transaction in sorted(arrivals)
            if transaction.startswith("T-IF-016-")
            and arrivals[transaction][0].common["S1"]["senderUniqueReference"].rpartition("-")[2].startswith(request)
        ]

    async def get_answers(self, asker: str, request: str) -> list[Arrival]:
        await self.wait_until_answered()
        return self.list_answers(asker, request)


async def apply(home: Path, credentials: Path, ports: dict[str, int], url: str) -> None:
    file = write_market(home.parent, ports)
    now = datetime.now(UTC)
    done = await apply_market_to_home(home, file, credentials, now, database_url=url, allow_private_webhooks=True)
    assert not done.rejected


def consumption(
    sender: str, *days: str, mpan: str = MPAN, event: str = "ActivePower", role: str = "ADS"
) -> dict[str, Any]:
    made_of = [date.fromisoformat(day) for day in days]
    return draft("IF-021", event, sender=sender, role=role, mpan=mpan, days=made_of, periods=4)


def defaulted(recipient: str, day: str, mpan: str = MPAN) -> dict[str, Any]:
    days, named = [date.fromisoformat(day)], [recipient]
    options: dict[str, Any] = {"days": days, "periods": 4, "primary_recipients": named}
    return draft("IF-013", "ActivePowerDefaulted", sender=SETTLEMENT, role="MDS", mpan=mpan, **options)


def list_firsts(answers: list[Arrival]) -> list[str]:
    """The references of the messages that are sent again."""
    return [answer.common["S2"]["senderUniqueReference"] for answer in answers]
