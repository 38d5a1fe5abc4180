"""Who used the processors between two looks: by part, a message, and in shares of all the cores."""

from collections.abc import Mapping

from opendip.bench.usage import Usage

HOT_PATH = ("api", "worker", "database")
_DIP = (*HOT_PATH, "clock", "serve")


def list_cpu_us(before: Usage, after: Usage, messages: int) -> dict[str, float]:
    """Microseconds a message, by part."""
    each = 1e6 / max(messages, 1)
    return {name: round(each * (seconds - before.cpu[name]), 1) for name, seconds in after.cpu.items()}


def share_cores(before: Usage, after: Usage) -> dict[str, float]:
    """Who had the cores: the DIP, the bench, processes that have nothing to do with either, nobody."""
    used = {name: seconds - before.cpu[name] for name, seconds in after.cpu.items()}
    dip = sum(used[name] for name in _DIP)
    total, idle = after.machine.total - before.machine.total, after.machine.idle - before.machine.idle
    bench = sum(used.values()) - dip
    shares: Mapping[str, float] = {
        "dip": dip,
        "bench": bench,
        "others": max(0.0, total - idle - dip - bench),
        "idle": idle,
    }
    return {name: round(100 * seconds / max(total, 0.01), 1) for name, seconds in shares.items()}
