"""The messages of a chunk as routing reads them: their headers, and whom the address book gives for each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from msgspec import Raw

from opendip.domain.market import Role
from opendip.domain.publications import Header
from opendip.stages.route.channels import RoutingChannel
from opendip.store.addresses import find_responsible
from opendip.store.pool import Connection

Responsible = Mapping[tuple[int, date], Sequence[Role]]


@dataclass(slots=True)
class RoutedMessage:
    """One message on its way: no `days` where the day it is about cannot be read."""

    index: int
    header: Header
    mpan: int | None
    days: frozenset[date] | None

    def list_responsible(self, responsible: Responsible) -> tuple[Role, ...]:
        """Everyone responsible on any of the days the message is about."""
        if self.mpan is None or not self.days:
            return ()
        if len(self.days) == 1:
            (day,) = self.days
            return tuple(responsible.get((self.mpan, day), ()))
        return tuple(sorted({r for day in self.days for r in responsible.get((self.mpan, day), ())}))


def read_message(raw: bytes, index: int, channel: RoutingChannel, accepted_on: date) -> RoutedMessage:
    header = Header(raw)
    mpan = header.mpan if channel.secondary_roles else None
    return RoutedMessage(index, header, mpan, _list_days(header, mpan, channel, accepted_on))


def _list_days(header: Header, mpan: int | None, channel: RoutingChannel, accepted_on: date) -> frozenset[date] | None:
    if channel.list_days is None or mpan is None or not header.has_body:
        return frozenset((accepted_on,))
    days = channel.list_days(cast(Raw, header.body))
    return frozenset((accepted_on,)) if days == frozenset() else days


async def look_up(
    connection: Connection, channel: RoutingChannel, messages: Iterable[RoutedMessage | None]
) -> Responsible:
    """Asks the address book once for all messages."""
    wanted = {(m.mpan, day) for m in messages if m is not None and m.mpan is not None for day in m.days or ()}
    if not wanted:
        return {}
    pairs = list(wanted)
    rows = await find_responsible(
        connection, [mpan for mpan, _ in pairs], sorted(channel.secondary_roles), [day for _, day in pairs]
    )
    found: dict[tuple[int, date], list[Role]] = defaultdict(list)
    for mpan, day, role, dip_id in rows:
        found[mpan, day].append(Role(dip_id, role))
    return found
