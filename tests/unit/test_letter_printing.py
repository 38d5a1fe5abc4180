from opendip.cli.letter_printing import clean


def test_a_recipients_words_are_shown_without_mpans_and_without_commands_to_the_terminal() -> None:
    assert clean("REG0000 - 2000000000006 is \x1b[31munknown\n") == "REG0000 - (an MPAN) is ?[31munknown?"
    assert (
        clean("T-IF-021-2300000012-SUP-20260321-00000000000100000")
        == "T-IF-021-2300000012-SUP-20260321-00000000000100000"
    )
