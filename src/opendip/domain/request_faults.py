"""What is wrong with the body of a request, in words that quote none of its values."""

import re
from collections.abc import Mapping

import msgspec

_PLACE = re.compile(r" - at `\$\.(\w+)")
_MISSING = re.compile(r"missing required field `(\w+)`")


def describe_fault(error: Exception, properties: Mapping[str, str]) -> str:
    """`error`: a decoder's; `properties`: what each must be."""
    if missing := _MISSING.search(str(error)):
        return f"{missing[1]} must be there: {properties[missing[1]]}."
    place = _PLACE.search(str(error))
    if place and place[1] in properties:
        return f"{place[1]} must be {properties[place[1]]}."
    if isinstance(error, msgspec.ValidationError):
        return f"It must be one JSON object with these properties and no others: {', '.join(properties)}."
    return "It is not JSON in UTF-8."
