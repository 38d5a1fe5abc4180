from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from opendip.cli.printing import add_row, clean, clean_record, say

COMMANDS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def test_a_recipients_words_are_shown_without_mpans_and_without_commands_to_the_terminal() -> None:
    assert clean("REG0000 - 2000000000006 is \x1b[31munknown\n") == "REG0000 - (an MPAN) is ?[31munknown?"
    assert (
        clean("T-IF-021-2300000012-SUP-20260321-00000000000100000")
        == "T-IF-021-2300000012-SUP-20260321-00000000000100000"
    )


def test_no_control_character_is_printed_in_any_way(capsys: pytest.CaptureFixture[str]) -> None:
    printed, table = StringIO(), Table("a")
    add_row(table, f"[red]{COMMANDS}")
    Console(file=printed, width=500).print(table)
    say(f"Taken{COMMANDS}")
    said = printed.getvalue() + capsys.readouterr().out + str(clean_record({"a": COMMANDS})["a"]) + clean(COMMANDS)

    assert "[red]" in said
    assert set(said) & set(COMMANDS) == {"\n"}
