"""The simulated market as the files that `dip market apply` reads: the market as YAML, addresses as CSV."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from opendip.simulator.market import (
    CONNECTION_PROVIDER_ORGANISATION,
    MeteringPoint,
    Player,
)

_ADDRESSES = "addresses.csv"


def write_market(
    directory: Path, players: Sequence[Player], points: Iterable[MeteringPoint], urls: Mapping[str, str]
) -> Path:
    """Write both files; `urls` is where each DIP id takes its messages. Returns the market file."""
    _write_addresses(directory / _ADDRESSES, points)
    file = directory / "market.yaml"
    market = {
        "organisations": [
            {"name": name, "participants": [_describe(player, urls[player.dip_id]) for player in members]}
            for name, members in groupby(sorted(players, key=_get_organisation), key=_get_organisation)
        ],
        "connection_providers": [_nominate(player) for player in players if player.provider],
        "address_files": [_ADDRESSES],
    }
    file.write_text(yaml.safe_dump(market, sort_keys=False, width=110))
    return file


def _get_organisation(player: Player) -> str:
    return player.organisation


def _describe(player: Player, url: str) -> dict[str, Any]:
    return {
        "dip_id": player.dip_id,
        "mpid": player.mpid,
        "roles": list(player.roles),
        "webhooks": {"messages": f"{url}/messages", "status": f"{url}/status"},
    }


def _nominate(player: Player) -> dict[str, Any]:
    return {
        "dip_id": player.provider,
        "organisation": CONNECTION_PROVIDER_ORGANISATION,
        "for": player.dip_id,
        "roles": list(player.roles),
    }


def _write_addresses(file: Path, points: Iterable[MeteringPoint]) -> None:
    with file.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("mpan", "role", "dip_id", "from", "to"))
        for point in points:
            for (dip_id, role), tenure in ((a.role, a.tenure) for a in point.addresses):
                rows.writerow((point.mpan, role, dip_id, tenure.starts_on, tenure.ends_on or ""))
