"""Text of strangers made fit to be shown: nothing in it commands a terminal, or turns the direction of writing."""

import re

# C0 and C1, the marks that turn the direction of writing (Unicode bidi), and two that end a line.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def has_control(text: str) -> bool:
    """Whether it holds a character that does something instead of being seen."""
    return _CONTROL.search(text) is not None


def make_plain(text: str) -> str:
    """One line in which every character can be seen; a question mark stands for each that could not."""
    return "".join(c if c.isprintable() else "?" for c in text)


def make_plain_lines(text: str) -> str:
    """The same for words of several lines."""
    return "\n".join(make_plain(line) for line in text.split("\n"))
