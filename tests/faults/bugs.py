"""Bugs to plant in a process of the DIP, so that the checker can show that it finds them."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import opendip.processes.worker  # noqa: F401 - what is to be changed must be there
from opendip.store.leases import Recorded

Act = Callable[..., Awaitable[Any]]


def plant(bug: str) -> None:
    if bug:
        name, wrap = _BUGS[bug]
        _replace(name, wrap)


def _replace(name: str, wrap: Callable[[Act], Act]) -> None:
    """In every module that has imported it."""
    modules = [m for n, m in sys.modules.items() if n.startswith("opendip.") and hasattr(m, name)]
    wrapped = wrap(getattr(modules[0], name))
    for module in modules:
        setattr(module, name, wrapped)


def _drop_first_message(append: Act) -> Act:
    """One message of one submission never gets onto one queue: as if its commit had been skipped."""
    dropped: list[Any] = []

    async def append_all_but_one(connection: Any, entries: Any, *rest: Any) -> Any:
        entries = list(entries)
        if entries and not dropped:
            dropped.append(entries[0])
            first = entries.pop(0)
            if len(first.members) > 1:
                entries.insert(0, first._replace(members=list(first.members)[1:]))
        return await append(connection, entries, *rest)

    return append_all_but_one


def _drop_first_status(append: Act) -> Act:
    dropped: list[Any] = []

    async def append_all_but_one(connection: Any, entries: Any, statuses: Any, *rest: Any) -> Any:
        statuses = {queue: list(texts) for queue, texts in statuses.items()}
        for texts in statuses.values():
            if texts and not dropped:
                dropped.append(texts.pop(0))
        return await append(connection, entries, {q: texts for q, texts in statuses.items() if texts}, *rest)

    return append_all_but_one


def _forget_first_delivery(record: Act) -> Act:
    forgotten: list[Any] = []

    async def record_all_but_one(*args: Any, **options: Any) -> Any:
        if not forgotten:
            forgotten.append(args)
            return Recorded.KEPT
        return await record(*args, **options)

    return record_all_but_one


SKIP_MESSAGE = "skip a message"
DROP_STATUS = "drop a status message"
FORGET_DELIVERY = "forget a delivery"
_BUGS: dict[str, tuple[str, Callable[[Act], Act]]] = {
    SKIP_MESSAGE: ("append_entries", _drop_first_message),
    DROP_STATUS: ("append_entries", _drop_first_status),
    FORGET_DELIVERY: ("record_delivery", _forget_first_delivery),
}
