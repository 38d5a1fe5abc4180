"""The results of `dip bench dead` and `dip bench drain` as people read them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from opendip.bench.table import list_values

_SHOWN_PARTS = ("worker", "database", "api", "receivers")
_HEADINGS = ("drained", "messages", "/s", "ms", "µs", "worker", "base", "api", "bench", "other%")
"""Short, for 80 columns."""

Stretches = Mapping[str, Mapping[str, Any]]


def print_dead_report(console: Console, report: Mapping[str, Any]) -> None:
    dead, options = report["dead"], report["run"]["options"]
    _print_stretches(console, report["well"], f"{options['recipients'] - options['dead']} that are well")
    rows = [
        ("the dead", list_values(dead["ways"])),
        ("  calls they failed", f"{dead['calls_failed']:,}"),
        ("  delivered when back", f"{dead['delivered_when_back']:,}"),
    ]
    _print_end(console, report, rows)


def print_drain_report(console: Console, report: Mapping[str, Any]) -> None:
    drain = report["drain"]
    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "drained" else "right", no_wrap=True)
    tenths = {f"tenth {number}": part for number, part in enumerate(drain["tenths"], 1)}
    for name, part in {"all": drain, **tenths}.items():
        used = [part["cpu_us_per_message"][who] for who in _SHOWN_PARTS]
        numbers = (part["messages"], part["messages_per_second"], part["ms_per_batch"], part["cpu_us"], *used)
        table.add_row(name, *(f"{n:,}" for n in numbers), f"{part['cpu_percent']['others']:g}")
    console.print(table)
    console.print("ms a batch; µs a message, in all and by part; % of cores that others had.", style="dim")
    _print_stretches(console, report["others"], "the other recipient")
    memory = report["rss_mb_at_percent_drained"]
    build = report["build"]
    rows = [
        ("built up", f"{build['messages']:,} at {build['messages_per_second']:,} a second"),
        *((f"memory, MB, at {percent} %", _list_memory(values)) for percent, values in memory.items()),
    ]
    _print_end(console, report, rows)


def _print_stretches(console: Console, stretches: Stretches, whose: str) -> None:
    for name, stretch in stretches.items():
        console.print(f"{whose}, {name.replace('_', ' ')}: {stretch['deliveries']:,} deliveries", highlight=False)
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_row("  latency, ms", list_values(stretch["latency_ms"]))
        table.add_row("  p99 of each tenth", " ".join(f"{p99:.0f}" for p99 in stretch["p99_ms_of_tenths"]))
        table.add_row("  cores, %", list_values(stretch["cpu_percent"]))
        console.print(table)


def _print_end(console: Console, report: Mapping[str, Any], rows: list[tuple[str, str]]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    machine = report["run"]["machine"]
    for row in (
        *rows,
        ("accepted, delivered", f"{report['accepted']:,}, {report['delivered']:,}"),
        ("lost, duplicates", f"{report['lost']:,}, {report['duplicates']:,}"),
        ("run", list_values({k: v for k, v in report["run"]["options"].items() if v is not None})),
        ("on", f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']:g} GB"),
    ):
        table.add_row(*row)
    console.print(table)
    for text in (*report["refusals"], *report["statuses"]):
        console.print(text, style="red", markup=False, highlight=False)
    _print_verdict(console, report["verdict"])


def _print_verdict(console: Console, verdict: Mapping[str, bool]) -> None:
    """One line: what held, or what did not."""
    failed = [promise for promise, held in verdict.items() if not held]
    text = f"FAILED: {'; '.join(failed)}" if failed else f"HELD: {'; '.join(verdict)}"
    console.print(text, style="red" if failed else "green", markup=False, highlight=False, soft_wrap=True)


def _list_memory(values: Mapping[str, float]) -> str:
    return list_values({name: values[name] for name in ("api", "worker", "database")})
