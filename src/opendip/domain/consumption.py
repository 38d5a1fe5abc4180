"""Consumption replay (E2E 5.1.7): who may have the consumption of a metering point, whose, and of which days."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from opendip.domain.market import Tenure
from opendip.domain.outcomes import Fault

HISTORY_MONTHS = 4
"""E2E 5.1.7: the months before the supply start date."""


@dataclass(frozen=True, slots=True)
class Responsibility:
    """Who is responsible for a metering point, in a role that is known, on which days."""

    dip_id: str
    tenure: Tenure


@dataclass(frozen=True, slots=True)
class History:
    """What an entitled data service gets: the consumption of these days that these others sent or were sent."""

    days: Tenure
    data_services: frozenset[str]


def find_history(
    requester: str, today: date, data_services: Sequence[Responsibility], suppliers: Sequence[Responsibility]
) -> History | Fault:
    """What the requester may have. The rows are those of the address book, for one metering point."""
    served = settle(data_services)
    own = [r.tenure for r in served if r.dip_id == requester and _lasts_beyond(r.tenure, today)]
    if not own:
        return Fault(
            "RCP1009", "The sender is not the metering point's advanced data service, now or from a later day."
        )
    # A data service may ask before its first day: then the supply that begins by that day counts.
    supply_starts_on = find_supply_start(suppliers, max(today, own[0].starts_on))
    if supply_starts_on is None:
        return Fault("RCP1061", "The address book names no supplier of this metering point, so no supply start date.")
    days = Tenure(subtract_months(supply_starts_on, HISTORY_MONTHS), supply_starts_on)
    previous = frozenset(r.dip_id for r in served if r.dip_id != requester and do_overlap(r.tenure, days))
    if not previous:
        return Fault("RCP1062", f"There was no other advanced data service {describe_days(days)}.")
    return History(days, previous)


def describe_days(days: Tenure) -> str:
    """A history's, with the dates it is told from."""
    return f"from {days.starts_on} on, in the {HISTORY_MONTHS} months before the supply start date {days.ends_on}"


def find_supply_start(suppliers: Sequence[Responsibility], day: date) -> date | None:
    """The first day of the supply that covers the day; rows of one supplier without a gap are one supply."""
    return next((r.tenure.starts_on for r in settle(suppliers) if r.tenure.covers(day)), None)


def settle(rows: Sequence[Responsibility]) -> list[Responsibility]:
    """The rows as the address book means them, in time order without overlaps.

    Of two rows that cover a day the later one counts; neighbours of the same DIP id are joined.
    """
    ends = (r.tenure.ends_on for r in rows)
    days: list[date | None] = [*sorted({*(r.tenure.starts_on for r in rows), *(e for e in ends if e)}), None]
    settled: list[Responsibility] = []
    for first, following in pairwise(days):
        assert first is not None, "only the last day is open"
        covering = [r for r in rows if r.tenure.covers(first)]
        if covering:
            latest = max(covering, key=lambda r: r.tenure.starts_on)
            _join(settled, Responsibility(latest.dip_id, Tenure(first, following)))
    return settled


def _join(settled: list[Responsibility], added: Responsibility) -> None:
    last = settled[-1] if settled else None
    if last is not None and last.dip_id == added.dip_id and last.tenure.ends_on == added.tenure.starts_on:
        settled[-1] = Responsibility(added.dip_id, Tenure(last.tenure.starts_on, added.tenure.ends_on))
    else:
        settled.append(added)


def is_within(days: Tenure, messages_days: Iterable[date]) -> bool:
    """Whether a message about these days belongs to the history: it goes whole, so one day is enough."""
    return any(days.covers(day) for day in messages_days)


def subtract_months(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last: four months before 30 June is the end of February."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if years < date.min.year:
        return date.min
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def do_overlap(one: Tenure, other: Tenure) -> bool:
    return _lasts_beyond(one, other.starts_on) and _lasts_beyond(other, one.starts_on)


def _lasts_beyond(tenure: Tenure, day: date) -> bool:
    return tenure.ends_on is None or day < tenure.ends_on
