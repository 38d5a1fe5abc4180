"""The result of a run as people read it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_report(console: Console, report: Mapping[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _list_rows(report):
        table.add_row(name, value)
    console.print(table)
    _print_quarters(console, report["rss_mb_at_percent_delivered"])
    for text in (*report["refusals"], *report["statuses"]):
        console.print(text, style="red", markup=False, highlight=False)


def _list_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    run, sizes = report["run"], report["disk_bytes_per_message"]
    software, machine = run["software"], run["machine"]
    tables = list_values(sizes["by_table"])
    return [
        ("messages a second", f"{report['messages_per_second']:,} over {report['seconds']:,.1f} s"),
        ("deliveries a second", f"{report['deliveries_per_second']:,}"),
        ("accepted a second", f"{report['accepted_per_second']:,}"),
        ("latency, ms", list_values(report["latency_ms"])),
        ("answer to the sender, ms", list_values(report["answer_ms"])),
        ("send lag, ms", list_values(report["send_lag_ms"])),
        ("CPU a message, µs", list_values(report["cpu_us_per_message"])),
        ("  beside it", list_values(report["cpu_us_per_message_beside"])),
        ("cores, %", list_values(report["cpu_percent"])),
        ("peak memory, MB", list_values(report["peak_rss_mb"])),
        ("disk a message, bytes", f"archive {sizes['archive']:,g}  queues {sizes['queues']:,g}"),
        ("  by table", tables),
        ("log a message, bytes", f"{report['log_bytes_per_message']:,g}"),
        ("accepted", f"{report['accepted']:,} in {report['calls']:,} calls"),
        ("delivered", f"{report['delivered']:,}"),
        ("lost, duplicates", f"{report['lost']:,}, {report['duplicates']:,}"),
        ("refused calls, statuses", f"{report['refused_calls']:,}, {report['status_messages']:,}"),
        ("run", list_values({k: v for k, v in run["options"].items() if v is not None})),
        ("on", f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']:g} GB"),
        (
            "with",
            f"Python {software['python']}, PostgreSQL {software['postgresql']}, fsync {software['fsync']}, "
            f"synchronous_commit {software['synchronous_commit']}",
        ),
    ]


def list_values(values: Mapping[str, float]) -> str:
    """Each value after its name."""
    return "  ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:,g}" for name, value in values.items()
    )


def _print_quarters(console: Console, quarters: Mapping[str, Mapping[str, float]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("memory, MB, at")
    for name in next(iter(quarters.values())):
        table.add_column(name, justify="right")
    for percent, values in quarters.items():
        table.add_row(f"{percent} %", *(f"{mb:,.0f}" for mb in values.values()))
    console.print(table)
