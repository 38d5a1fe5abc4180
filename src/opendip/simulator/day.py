"""A business day of the simulated market: who begins what, and when the day is over."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from time import monotonic
from typing import TypeVar

from opendip.simulator.actors import report_meter_exchange, request_appointment
from opendip.simulator.drafts import Draft
from opendip.simulator.ledger import Ledger
from opendip.simulator.market import DATA_ROLES, METERING_ROLES, MeteringPoint
from opendip.simulator.station import Postings, Station

_SETTLED_AFTER = timedelta(days=3)
_TICK_SECONDS = 0.05
_LINGER_SECONDS = 1.0
"""How long to look out for deliveries too many, after the last one due."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much happens, and how long it may take."""

    metering_points: int = 10_000
    appointments: int = 500
    exchanges: int = 300
    time_limit: timedelta = timedelta(minutes=5)


Item = TypeVar("Item")


class Day:
    """Everything that is begun on one day; the rest are reactions."""

    def __init__(
        self, stations: Mapping[str, Station], points: Sequence[MeteringPoint], today: date, plan: Plan
    ) -> None:
        self.stations = stations
        self._points = points
        self._today = today
        self._plan = plan
        self._consumption: dict[str, list[Postings]] = {}

    @property
    def time_limit(self) -> timedelta:
        return self._plan.time_limit

    @property
    def is_idle(self) -> bool:
        """Whether everybody has reacted to all that has arrived."""
        return all(station.is_idle for station in self.stations.values())

    def prepare(self, random: Random) -> None:
        """Write the consumption, so that the day itself shows the DIP's speed and not ours."""
        settled_on = self._today - _SETTLED_AFTER
        for dip_id, points in _group(self._list_data_services()).items():
            self._consumption[dip_id] = self.stations[dip_id].prepare_consumption(points, settled_on, random)

    async def begin(self) -> None:
        """Begin both workflows and send the consumption, everybody at once."""
        workflows = (*self._request_appointments(), *self._report_exchanges())
        async with asyncio.TaskGroup() as group:
            for dip_id, drafts in _group(workflows).items():
                group.create_task(self.stations[dip_id].send(drafts))
            for dip_id, calls in self._consumption.items():
                group.create_task(self.stations[dip_id].send_consumption(calls))

    def _request_appointments(self) -> Iterator[tuple[str, Draft]]:
        """Suppliers want another metering service; for one in twenty-five they forgot the contract."""
        for number, point in enumerate(self._list_metered({"MSS"})[: self._plan.appointments]):
            supplier = point.get_responsible({"SUP"}, self._today)
            has_contract = number % 25 != 24
            yield supplier.dip_id, request_appointment(point, self._today, has_contract=has_contract)

    def _report_exchanges(self) -> Iterator[tuple[str, Draft]]:
        """Meters are exchanged elsewhere; one in ten is not the one that registration knows of."""
        for number, point in enumerate(self._list_metered({"MSS", "MSA"})[-self._plan.exchanges :]):
            dip_id, role = point.get_responsible(METERING_ROLES, self._today)
            is_known = number % 10 != 9
            yield dip_id, report_meter_exchange(point, role, self._today, is_known=is_known)

    def _list_metered(self, roles: set[str]) -> list[MeteringPoint]:
        return [point for point in self._points if point.list_responsible(roles, self._today)]

    def _list_data_services(self) -> Iterator[tuple[str, MeteringPoint]]:
        return ((point.get_responsible(DATA_ROLES, self._today).dip_id, point) for point in self._points)


async def play(day: Day, ledger: Ledger, is_up: Callable[[], bool]) -> None:
    """Play the day until nothing is outstanding, or give up; then close the books."""
    async with asyncio.TaskGroup() as group:
        beginning = group.create_task(day.begin())
        at_work = [group.create_task(station.work()) for station in day.stations.values()]
        why = await _wait_until_over(beginning, day, ledger, is_up)
        for task in (beginning, *at_work):
            task.cancel()
    if why is not None:
        ledger.note_fault("given up", why)
    ledger.close()


async def _wait_until_over(
    beginning: "asyncio.Task[None]", day: Day, ledger: Ledger, is_up: Callable[[], bool]
) -> str | None:
    """None when all is done; otherwise why the day cannot end well."""
    began_at = quiet_since = monotonic()
    while monotonic() - quiet_since < _LINGER_SECONDS:
        await asyncio.sleep(_TICK_SECONDS)
        is_over = beginning.done() and not ledger.outstanding and day.is_idle
        quiet_since = quiet_since if is_over else monotonic()
        if not is_up():
            return f"the DIP has stopped with {ledger.outstanding:,} answers and deliveries outstanding"
        if monotonic() - began_at > day.time_limit.total_seconds():
            return f"{ledger.outstanding:,} answers and deliveries are outstanding after {day.time_limit}"
    return None


def _group(items: Iterable[tuple[str, Item]]) -> dict[str, list[Item]]:
    """By the DIP id that each begins with."""
    groups: dict[str, list[Item]] = {}
    for dip_id, item in items:
        groups.setdefault(dip_id, []).append(item)
    return groups
