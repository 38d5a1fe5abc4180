"""The header Accept: whether an answer as JSON is admitted."""

_KINDS = ("application/json", "application/*", "*/*")


def admits_json(accept: str) -> bool:
    """The most exact of the kinds named decides; a weight of 0 rules it out (RFC 9110 12.5.1)."""
    weights = dict(_read_range(part) for part in accept.lower().split(","))
    return next((weights[kind] > 0 for kind in _KINDS if kind in weights), False)


def _read_range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    return kind, next((_read_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)


def _read_weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
