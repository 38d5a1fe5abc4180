"""Dead letters as they are printed: a list, one in full, records for files. Times are UTC; no MPAN is among it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opendip.cli.printing import clean, clean_record, say

if TYPE_CHECKING:
    from opendip.operations.dead_letters import DescribedLetter, ShownLetter

COLUMNS = (
    *("id", "dead_at", "recipient", "role", "channel", "kind", "owner", "code", "reason", "transaction_id", "sender"),
    *("settled_at", "settlement", "settled_text"),
)


def make_record(described: "DescribedLetter") -> dict[str, str | int | None]:
    """What there is to know of one, under names for a file's columns."""
    letter = described.letter
    record: dict[str, str | int | None] = {
        "id": letter.id,
        "dead_at": _format(letter.created_at),
        "recipient": letter.dip_id,
        "role": letter.role or None,
        "channel": letter.channel,
        "kind": letter.kind,
        "owner": letter.owner,
        "code": letter.code,
        "reason": clean(letter.text),
        "transaction_id": described.transaction_id,
        "sender": described.sender_dip_id,
        "settled_at": _format(letter.settled_at) if letter.settled_at else None,
        "settlement": letter.settlement,
        "settled_text": letter.settled_text and clean(letter.settled_text),
    }
    return clean_record(record)


def print_list(letters: "list[DescribedLetter]", total: int) -> None:
    """Three short lines each, so that a transaction id can be copied whole."""
    for described in letters:
        letter = described.letter
        dead_at = f"{letter.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        say(f"{letter.id:>8}  {dead_at}  {letter.dip_id} {letter.role:5} {letter.channel}, {letter.kind}")
        say(f"          {described.transaction_id or 'its message cannot be read'}")
        say(f"          for the {letter.owner}: {clean(letter.text)}")
        if letter.settled_at:
            words = f" ({clean(letter.settled_text)})" if letter.settled_text else ""
            say(f"          {letter.settlement} {letter.settled_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{words}")
    say(f"{len(letters):,} of {total:,} dead letters.")


def print_letter(shown: "ShownLetter") -> None:
    record = {**make_record(shown.described), "sender_reference": shown.described.reference}
    for name, value in record.items():
        say(f"{name.replace('_', ' '):17} {'-' if value is None else value}")
    for attempt in shown.attempts:
        say(f"{'attempt':17} {_format(attempt.attempted_at)} {attempt.status or '-'} {clean(attempt.outcome)}")


def _format(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
