"""Settings of the embedded PostgreSQL, from the cores and the memory it may use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Machine:
    """What this process may use, which in a container is less than the machine has."""

    cores: int
    memory_bytes: int


def inspect_machine() -> Machine:
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for path in _CGROUP_LIMITS if (limit := _read_limit(Path(path)))]
    return Machine(cores=len(os.sched_getaffinity(0)), memory_bytes=min([installed, *limits]))


def _read_limit(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def tune(machine: Machine) -> Mapping[str, str]:
    """Durability is never traded: a commit is on the disk when it returns."""
    memory = machine.memory_bytes // _MIB
    return {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "100",
        "shared_buffers": f"{_bounded(memory // 8, 64, 8192)}MB",
        "effective_cache_size": f"{_bounded(memory // 2, 128, 262144)}MB",
        "maintenance_work_mem": f"{_bounded(memory // 32, 32, 1024)}MB",
        "work_mem": f"{_bounded(memory // 512, 4, 64)}MB",
        # Few checkpoints mean few full page images, and these are the larger part of the log of small tables.
        "wal_compression": "on",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        # Every query of ours is short; compiling one costs more than running it.
        "jit": "off",
        "max_parallel_workers": str(machine.cores),
        "max_parallel_workers_per_gather": str(min(2, machine.cores // 2)),
        "io_workers": str(_bounded(machine.cores // 2, 1, 8)),
        # Intake and queue rows are rewritten thousands of times a minute: come often, and do not dawdle.
        "autovacuum_naptime": "10s",
        "autovacuum_max_workers": str(_bounded(machine.cores, 2, 5)),
        "autovacuum_vacuum_cost_limit": "1000",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "idle_in_transaction_session_timeout": "5min",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }


def log_settings() -> Mapping[str, str]:
    """A week of logs, without statements or details: those would quote MPANs."""
    return {
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_checkpoints": "on",
    }


def _bounded(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))
