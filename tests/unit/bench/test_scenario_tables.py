from io import StringIO
from typing import Any

from rich.console import Console

from opendip.bench.scenario_tables import print_drain_report

SHARES = {"dip": 55.5, "bench": 22.2, "others": 10.1, "idle": 12.2}


def a_part(messages: int) -> dict[str, Any]:
    used = {"worker": 123.4, "database": 101.2, "api": 10.5, "receivers": 111.1}
    numbers = {"messages": messages, "messages_per_second": 12_345, "ms_per_batch": 123.4, "cpu_us": 235.1}
    return {**numbers, "cpu_us_per_message": used, "cpu_percent": SHARES}


def a_report() -> dict[str, Any]:
    latency = {"p50": 12.3, "p95": 123.4, "p99": 234.5, "max": 1234.5}
    stretch = {
        "deliveries": 6000,
        "latency_ms": latency,
        "p99_ms_of_tenths": [123.0] * 10,
        "cpu_percent": SHARES,
    }
    machine = {"cpu": "A processor", "cores": 2, "memory_gb": 8.0}
    nothing: dict[str, Any] = {"lost": 0, "duplicates": 0, "refusals": [], "statuses": []}
    return {
        "drain": {**a_part(1_000_000), "tenths": [a_part(100_000)] * 10},
        "others": dict.fromkeys(("alone", "beside_standing", "beside_draining"), stretch),
        "rss_mb_at_percent_drained": {"0": {"api": 123.4, "worker": 234.5, "database": 345.6}},
        "build": {"messages": 1_000_000, "messages_per_second": 12_345},
        "accepted": 1_018_000,
        "delivered": 1_018_000,
        **nothing,
        "run": {"machine": machine, "options": {"messages": 1_000_000, "batch": 1000}},
        "verdict": {"nothing lost": True},
    }


def test_the_table_of_a_drain_fits_80_columns() -> None:
    printed = StringIO()
    print_drain_report(Console(file=printed, width=80), a_report())
    lines = printed.getvalue().splitlines()

    assert lines[0].split() == ["drained", "messages", "/s", "ms", "µs", "worker", "base", "api", "bench", "other%"]
    assert lines[1].split() == [
        "all",
        "1,000,000",
        "12,345",
        "123.4",
        "235.1",
        "123.4",
        "101.2",
        "10.5",
        "111.1",
        "10.1",
    ]
    assert "…" not in printed.getvalue()
    assert any(line.startswith("the other recipient, beside draining") for line in lines)
    assert max(map(len, lines)) <= 80
