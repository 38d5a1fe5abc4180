"""Dead letters as they are printed: a list, one in full, records for files. Times are UTC; no MPAN is among it."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opendip.operations.dead_letters import DescribedLetter, ShownLetter

# A recipient writes what it likes into its answers.
_MPAN = re.compile(r"(?<!\d)\d{13}(?!\d)", re.ASCII)


def make_record(described: "DescribedLetter") -> dict[str, str | int | None]:
    """What there is to know of one, under names for a file's columns."""
    letter = described.letter
    return {
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


def print_list(letters: "list[DescribedLetter]", total: int) -> None:
    """Three short lines each, so that a transaction id can be copied whole."""
    for described in letters:
        letter = described.letter
        dead_at = f"{letter.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        print(f"{letter.id:>8}  {dead_at}  {letter.dip_id} {letter.role:5} {letter.channel}, {letter.kind}")
        print(f"          {described.transaction_id or 'its message cannot be read'}")
        print(f"          for the {letter.owner}: {clean(letter.text)}")
        if letter.settled_at:
            words = f" ({clean(letter.settled_text)})" if letter.settled_text else ""
            print(f"          {letter.settlement} {letter.settled_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{words}")
    print(f"{len(letters):,} of {total:,} dead letters.")


def print_letter(shown: "ShownLetter") -> None:
    record = {**make_record(shown.described), "sender_reference": shown.described.reference}
    for name, value in record.items():
        print(f"{name.replace('_', ' '):17} {'-' if value is None else value}")
    for attempt in shown.attempts:
        print(f"{'attempt':17} {_format(attempt.attempted_at)} {attempt.status or '-'} {clean(attempt.outcome)}")


def clean(text: str) -> str:
    """Without MPANs, and without what a terminal takes for commands."""
    return "".join(c if c.isprintable() else "?" for c in _MPAN.sub("(an MPAN)", text))


def _format(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
