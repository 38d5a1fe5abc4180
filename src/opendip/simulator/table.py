"""What the demo shows: a live table by channel, and at the end a summary with whatever went wrong."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import ceil

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from opendip.catalogue.model import Catalogue
from opendip.simulator.ledger import Ledger, Tally

FAULTS_SHOWN = 20
_NAME_WIDTH = 30
_QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


def make_live_table(ledger: Ledger, catalogue: Catalogue) -> RenderableType:
    """How far the day has come."""
    table = _make_table("accepted", "delivered", "expected", "backlog")
    for channel, tally in sorted(ledger.tallies.items()):
        name = f"{channel} {catalogue.channels[channel].name}"
        table.add_row(name, *_format(tally.accepted, tally.delivered, tally.expected, tally.backlog))
    return table


def make_summary(ledger: Ledger, catalogue: Catalogue) -> RenderableType:
    """All channels with their latencies, the speed, and what was lost."""
    table = _make_table("accepted", "delivered", *(name for name, _ in _QUANTILES))
    for channel, tally in sorted(ledger.tallies.items()):
        table.add_row(f"{channel} {catalogue.channels[channel].name}", *_summarise([tally]))
    table.add_section()
    table.add_row("all", *_summarise(list(ledger.tallies.values())), style="bold")
    note = Text("Latency in ms, from the start of the sender's call to arrival at the webhook.", style="dim")
    return Group(table, note, *map(Text, _list_results(ledger)))


def print_verdict(console: Console, ledger: Ledger) -> None:
    """That all went well; or the first of what went wrong, and how much there is of each kind."""
    if ledger.notes:
        text = f"{len(ledger.notes)} calls were made again; the first because: {ledger.notes[0]}"
        console.print(text, style="dim", markup=False, highlight=False)
    if not ledger.faults:
        console.print("Every delivery that was due arrived exactly once, in form and correctly signed.", style="green")
    for fault in ledger.faults[:FAULTS_SHOWN]:
        console.print(f"{fault.kind}: {fault.text}", style="red", markup=False, highlight=False)
    kinds = Counter(fault.kind for fault in ledger.faults)
    if len(ledger.faults) > FAULTS_SHOWN:
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        console.print(f"... {len(ledger.faults)} in all: {counts}", style="red", highlight=False)


def find_quantile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the ordered values does not exceed (nearest rank); 0 of none."""
    if not ordered:
        return 0.0
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


def _make_table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("channel", no_wrap=True, overflow="ellipsis", max_width=_NAME_WIDTH)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _summarise(tallies: Sequence[Tally]) -> list[str]:
    ordered = sorted(chain.from_iterable(tally.latencies for tally in tallies))
    counts = (sum(t.accepted for t in tallies), sum(t.delivered for t in tallies))
    return _format(*counts, *(round(find_quantile(ordered, share) * 1000) for _, share in _QUANTILES))


def _list_results(ledger: Ledger) -> list[str]:
    messages = sum(tally.accepted for tally in ledger.tallies.values())
    deliveries = sum(tally.delivered for tally in ledger.tallies.values())
    seconds = max(ledger.last_arrived_at - ledger.first_sent_at, 0.001)
    sent = ledger.count_sent()
    return [
        f"{messages / seconds:,.0f} messages and {deliveries / seconds:,.0f} deliveries a second over {seconds:.1f} s",
        f"metering services appointed: {sent['MSAppActive']:,}, declined: {sent['MSAppRejected']:,}; "
        f"workflows begun: {sent['MSApp']:,}",
        f"lost: {ledger.count_lost():,}",
    ]


def _format(*counts: int) -> list[str]:
    return [f"{count:,}" for count in counts]
