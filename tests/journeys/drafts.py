"""Messages to send: valid ones, of which a test changes what it is about."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

from opendip.catalogue.samples import make_message
from tests.journeys.answers import load_release
from tests.journeys.market import DATA, MPANS

ENVIRONMENT = "SIT"
_RUN = uuid4().hex
_numbers: Iterator[int] = itertools.count(1)


def draft(
    channel: str = "IF-021",
    event_code: str = "ActivePower",
    *,
    sender: str = DATA,
    role: str = "SDS",
    mpan: str | None = MPANS[0],
    seed: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A message like no other of this run; the options are those of `catalogue.samples`.

    One seed makes the same values; only the reference differs.
    """
    number = next(_numbers)
    # The published pattern leaves no room for the letter of REP-002A.
    named = channel.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    reference = f"S-{named}-{sender}-{role}-20260321-{_RUN}{number:06x}"
    wishes = {"sender": sender, "role": role, "mpan": mpan, "reference": reference, "environment": ENVIRONMENT}
    release = load_release()
    random = Random(number if seed is None else seed)
    return make_message(release.channels[channel], event_code, release, random, **{**wishes, **options})


def get_common(message: dict[str, Any]) -> dict[str, Any]:
    common: dict[str, Any] = message["payload"]["CommonBlock"]
    return common


def get_sender(message: dict[str, Any]) -> dict[str, Any]:
    """Block S1, to be changed in place."""
    block: dict[str, Any] = get_common(message)["S1"]
    return block


def get_reference(message: dict[str, Any]) -> str:
    return str(get_sender(message)["senderUniqueReference"])


def on(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
