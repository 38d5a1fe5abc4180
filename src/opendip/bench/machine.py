"""What a result was measured on."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("opendip", "msgspec", "asyncpg", "aiohttp", "uvicorn", "uvloop", "cryptography", "zstandard")
DATABASE_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


def describe_machine() -> dict[str, Any]:
    return {
        "cpu": _find_cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def describe_software(database: Mapping[str, str]) -> dict[str, Any]:
    """`database`: the server's own word on `DATABASE_SETTINGS`."""
    settings = dict(database)
    return {
        "python": platform.python_version(),
        "postgresql": settings.pop("server_version"),
        **settings,
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _find_cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
