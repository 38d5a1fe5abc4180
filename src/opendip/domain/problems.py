"""What a person has to put right: the root of every error whose text is meant to be read."""


class Problem(Exception):  # noqa: N818 - the names of what happened follow it, as in `HomeExists`.
    """Says what happened, where, and what to do next; never holds a secret or an MPAN."""
