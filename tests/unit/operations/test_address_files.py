from datetime import date
from pathlib import Path

import pytest

from opendip.domain.problems import Problem
from opendip.operations.address_files import AddressFile
from opendip.store.addresses import AddressRow
from tests.builders import SUPPLIER

HELD = {SUPPLIER: frozenset({"SUP"})}
HEADER = "mpan,role,dip_id,from,to\n"


def write(directory: Path, text: str) -> AddressFile:
    path = directory / "addresses.csv"
    path.write_text(text, "utf-8")
    return AddressFile(path, HELD)


def test_rows_are_read_with_their_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        f'{HEADER}2000056535971,SUP,{SUPPLIER},2024-01-01,\n\n"2000056535989",SUP,{SUPPLIER},2024-01-01,2025-01-01\n',
    )

    assert list(file) == [
        AddressRow(2, 2000056535971, "SUP", SUPPLIER, date(2024, 1, 1), None),
        AddressRow(4, 2000056535989, "SUP", SUPPLIER, date(2024, 1, 1), date(2025, 1, 1)),
    ]
    assert file.rejected_count == 0


def test_columns_may_come_in_another_order_and_after_a_byte_order_mark(tmp_path: Path) -> None:
    file = write(tmp_path, f"\ufefffrom,to,dip_id,role,mpan\n2024-01-01,,{SUPPLIER},SUP,2000056535971\n")

    assert [row.mpan for row in file] == [2000056535971]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"200005653597,SUP,{SUPPLIER},2024-01-01,", "13 digits"),
        (f"٢٠٠٠٠٥٦٥٣٥٩٧١,SUP,{SUPPLIER},2024-01-01,", "13 digits"),
        ("2000056535971,SUP,2300000099,2024-01-01,", "nobody has the DIP id 2300000099"),
        ("2000056535971,SUP,2000056535971,2024-01-01,", "a DIP id of ten digits"),
        (f"2000056535971,LDSO,{SUPPLIER},2024-01-01,", "does not hold the role"),
        (f"2000056535971,SUP,{SUPPLIER},20240101,", "2026-03-21"),
        (f"2000056535971,SUP,{SUPPLIER},2024-02-30,", "2026-03-21"),
        (f"2000056535971,SUP,{SUPPLIER},,", "2026-03-21"),
        (f"2000056535971,SUP,{SUPPLIER},2024-01-01,2024-01-01", "after `from`"),
        (f"2000056535971,SUP,{SUPPLIER},2024-01-01", "5 columns"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out_and_told_without_its_mpan(
    tmp_path: Path, line: str, words: str
) -> None:
    file = write(tmp_path, f"{HEADER}{line}\n2000056535989,SUP,{SUPPLIER},2024-01-01,\n")

    assert [row.mpan for row in file] == [2000056535989]
    ((number, reason),) = file.rejected
    assert number == 2
    assert words in reason
    assert "2000056535971" not in reason


def test_of_many_rejected_lines_all_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    file = write(tmp_path, HEADER + "x,y\n" * 1000)

    assert list(file) == []
    assert (file.rejected_count, len(file.rejected)) == (1000, 20)


@pytest.mark.parametrize("text", ["", "mpan;role;dip_id;from;to\n", "mpan,role,dip_id,from\n"])
def test_another_header_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Problem, match="header mpan,role,dip_id,from,to is expected"):
        list(write(tmp_path, text))
