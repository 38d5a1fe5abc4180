"""Address files: CSV with the header mpan,role,dip_id,from,to, read line by line however long they are."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from opendip.domain.problems import Problem
from opendip.operations.market_checks import HeldRoles, find_address_fault
from opendip.store.addresses import AddressRow

COLUMNS = ("mpan", "role", "dip_id", "from", "to")
_MAX_KEPT = 20
_MPAN = re.compile(r"[0-9]{13}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class RejectedLine(NamedTuple):
    """A line that was left out, and why; its MPAN is not told."""

    line: int
    reason: str


class _Unreadable(Problem):
    """Why a line cannot be an address."""


@dataclass(slots=True)
class AddressFile:
    """One file being read: its good rows once, as they come, and what was rejected on the way."""

    path: Path
    held: HeldRoles
    rejected_count: int = 0
    rejected: list[RejectedLine] = field(default_factory=list)
    """The first of them."""

    def __iter__(self) -> Iterator[AddressRow]:
        with self.path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = csv.reader(file)
            order = _read_header(self.path, lines)
            try:
                for cells in lines:
                    yield from self._read(lines.line_num, cells, order)
            except csv.Error as fault:
                raise Problem(f"{self.path}, line {lines.line_num}: not CSV ({fault}).") from None

    def _read(self, line: int, cells: list[str], order: Mapping[str, int]) -> Iterable[AddressRow]:
        if not cells:
            return ()
        try:
            return (_read_row(line, cells, order, self.held),)
        except _Unreadable as fault:
            self.rejected_count += 1
            if len(self.rejected) < _MAX_KEPT:
                self.rejected.append(RejectedLine(line, str(fault)))
            return ()


def _read_header(path: Path, lines: Iterator[list[str]]) -> Mapping[str, int]:
    header = [cell.strip() for cell in next(lines, [])]
    if sorted(header) != sorted(COLUMNS):
        raise Problem(f"{path}, line 1: the header {','.join(COLUMNS)} is expected.")
    return {name: header.index(name) for name in COLUMNS}


def _read_row(line: int, cells: list[str], order: Mapping[str, int], held: HeldRoles) -> AddressRow:
    if len(cells) != len(COLUMNS):
        raise _Unreadable(f"{len(COLUMNS)} columns are expected, not {len(cells)}")
    mpan, role, dip_id, first, last = (cells[order[name]].strip() for name in COLUMNS)
    if not _MPAN.fullmatch(mpan):
        raise _Unreadable("an MPAN of 13 digits is expected")
    if reason := _find_fault(dip_id, role, held):
        raise _Unreadable(reason)
    starts_on = _read_date(first)
    ends_on = _read_date(last) if last else None
    if starts_on is None or (last and ends_on is None):
        raise _Unreadable("dates are expected as 2026-03-21")
    if ends_on is not None and ends_on <= starts_on:
        raise _Unreadable("`to` must be after `from`: it is the first day on which the row no longer holds")
    return AddressRow(line, int(mpan), role, dip_id, starts_on, ends_on)


def _find_fault(dip_id: str, role: str, held: HeldRoles) -> str | None:
    # The role alone is looked at first: a cell that is no DIP id could be an MPAN, and is not quoted.
    if dip_id in held:
        return None if role in held[dip_id] else f"{dip_id} does not hold the role in the line"
    is_dip_id = len(dip_id) == 10 and dip_id.isascii() and dip_id.isdigit()
    return find_address_fault(dip_id, role, held) if is_dip_id else "a DIP id of ten digits is expected"


@lru_cache(maxsize=4096)
def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
