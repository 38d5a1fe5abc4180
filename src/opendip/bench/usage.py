"""CPU time and memory of processes, as Linux tells them in /proc."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14
"""Places in /proc/<pid>/stat after the name."""
_IDLE, _WAITING = 3, 4
"""Places in the first line of /proc/stat."""
_KIB_IN_A_MB = 1000 * 1000 / 1024
_SHARED = ("RssFile", "RssShmem")


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that are told as one: the roots, and whatever they start if `with_children`."""

    roots: Sequence[int]
    with_children: bool = True


def find_parts(serve: int) -> dict[str, Group]:
    """The groups of a running `dip serve`: its API, its workers, its clock, and itself."""
    parts: dict[str, list[int]] = defaultdict(list)
    for pid in _list_children().get(serve, []):
        arguments = (_PROC / str(pid) / "cmdline").read_text().split("\0")
        parts[arguments[arguments.index("opendip") + 1]].append(pid)
    groups = {part: Group(pids) for part, pids in parts.items()}
    return {**groups, "serve": Group([serve], with_children=False)}


def find_postmaster(data: Path) -> Group:
    """The PostgreSQL that runs on a data directory, with all its processes."""
    return Group([int((data / "postmaster.pid").read_text().split("\n", 1)[0])])


def read_cpu_seconds(groups: Mapping[str, Group]) -> dict[str, float]:
    """CPU time since the beginning, user and system, of each group; children that have ended are counted."""
    children = _list_children()
    tick = os.sysconf("SC_CLK_TCK")
    return {
        name: sum(_read_ticks(pid, group.with_children) for pid in _list_members(group, children)) / tick
        for name, group in groups.items()
    }


class MachineTime(NamedTuple):
    """CPU seconds of all cores since the machine started."""

    idle: float
    total: float


class Usage(NamedTuple):
    """CPU seconds used so far: by group, and by the machine."""

    cpu: Mapping[str, float]
    machine: MachineTime


def read_usage(groups: Mapping[str, Group]) -> Usage:
    return Usage(read_cpu_seconds(groups), read_machine_time())


def read_machine_time() -> MachineTime:
    ticks = [int(field) for field in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    return MachineTime((ticks[_IDLE] + ticks[_WAITING]) / tick, sum(ticks) / tick)


def read_rss_mb(groups: Mapping[str, Group]) -> dict[str, float]:
    """Memory in RAM now; what the processes of a group share is counted once."""
    children = _list_children()
    return {name: _read_rss_kib(_list_members(g, children)) / _KIB_IN_A_MB for name, g in groups.items()}


def read_peak_mb(groups: Mapping[str, Group]) -> dict[str, float]:
    """The most memory that the root of each group ever had in RAM (VmHWM), summed over the roots."""
    return {
        name: sum(_read_status(pid).get("VmHWM", 0) for pid in group.roots) / _KIB_IN_A_MB
        for name, group in groups.items()
    }


def _list_members(group: Group, children: Mapping[int, Sequence[int]]) -> list[int]:
    members = list(group.roots)
    if group.with_children:
        for pid in members:
            members += children.get(pid, [])
    return members


def _list_children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for pid in _list_pids():
        if fields := _read_stat(pid):
            children[int(fields[_PARENT])].append(pid)
    return children


def _list_pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _read_stat(pid: int) -> list[str]:
    """The fields after the name; none when the process has ended."""
    with suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []


def _read_ticks(pid: int, with_children: bool) -> int:
    fields = _read_stat(pid)
    if not fields:
        return 0
    places = (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM) if with_children else (_USER, _SYSTEM)
    return sum(int(fields[place]) for place in places)


def _read_rss_kib(pids: Sequence[int]) -> int:
    read = [_read_status(pid) for pid in pids]
    own = sum(status.get("RssAnon", 0) for status in read)
    return own + sum(max((status.get(name, 0) for status in read), default=0) for name in _SHARED)


def _read_status(pid: int) -> dict[str, int]:
    """The lines of /proc/<pid>/status that are in kB."""
    with suppress(OSError):
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
        fields = (line.split() for line in lines if line.endswith(" kB"))
        return {name.rstrip(":"): int(value) for name, value, _ in fields}
    return {}
