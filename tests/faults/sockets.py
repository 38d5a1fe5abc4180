"""Which process a connection on this machine comes from (Linux)."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def find_owner(port: int, to_port: int, candidates: Iterable[int]) -> int | None:
    """Of these processes the one with a TCP connection from `port` to `to_port`; None when it is none, or is gone."""
    socket = _find_socket(port, to_port)
    if socket is None:
        return None
    return next((number for number in candidates if _has_file(number, f"socket:[{socket}]")), None)


def _find_socket(port: int, to_port: int) -> str | None:
    ends = (f":{port:04X}", f":{to_port:04X}")
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        parts = line.split()
        if (parts[1][-5:], parts[2][-5:]) == ends:
            return parts[9]
    return None


def _has_file(process: int, target: str) -> bool:
    with suppress(OSError):
        for file in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                if str(file.readlink()) == target:
                    return True
    return False
