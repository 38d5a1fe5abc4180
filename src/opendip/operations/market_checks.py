"""Whether a market file makes sense together with itself and with the market there is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from opendip.domain.market import Market
from opendip.domain.roles import CONNECTION_PROVIDER
from opendip.operations.entries import Fault, Value
from opendip.operations.market_files import MarketFile, WantedParticipant, WantedProvider

HeldRoles = Mapping[str, frozenset[str]]
"""DIP id to every role it will hold once the file is applied."""


def find_held_roles(wanted: MarketFile, market: Market) -> HeldRoles:
    named = {participant.dip_id: frozenset(participant.roles) for participant in wanted.participants}
    known = {dip_id: frozenset(participant.roles) for dip_id, participant in market.participants.items()}
    held: dict[str, frozenset[str]] = {**known, **named}
    for provider in wanted.providers:
        held[provider.dip_id] = held.get(provider.dip_id, frozenset()) | {CONNECTION_PROVIDER}
    return held


def list_faults(wanted: MarketFile, market: Market) -> list[Fault]:
    """Everything that would make a market nobody can have meant."""
    held = find_held_roles(wanted, market)
    return [
        *_find_twice_named(wanted),
        *_find_moved(wanted, market),
        *_find_unfounded_nominations(wanted, held),
        *_find_unfounded_addresses(wanted, held),
    ]


def _find_twice_named(wanted: MarketFile) -> Iterator[Fault]:
    first_lines: dict[str, int] = {}
    for participant in wanted.participants:
        line = first_lines.setdefault(participant.dip_id, participant.place.line)
        if line != participant.place.line:
            text = f"{participant.dip_id} is in line {line} already; give it all its roles there"
            yield _make_fault(participant.place, text)
    nominated: dict[tuple[object, ...], int] = {}
    for provider in wanted.providers:
        for role in provider.roles or (None,):
            key = (provider.dip_id, provider.for_dip_id, role, provider.tenure.starts_on)
            line = nominated.setdefault(key, provider.place.line)
            if line != provider.place.line:
                yield _make_fault(provider.place, f"this nomination is in line {line} already")


def _find_moved(wanted: MarketFile, market: Market) -> Iterator[Fault]:
    owners: dict[str, str] = {d: p.organisation for d, p in market.participants.items()}
    entries: list[WantedParticipant | WantedProvider] = [*wanted.participants, *wanted.providers]
    for entry in entries:
        owner = owners.setdefault(entry.dip_id, entry.organisation)
        if owner != entry.organisation:
            text = f"{entry.dip_id} belongs to {owner}; a DIP id keeps its organisation"
            yield _make_fault(entry.place, text)


def _find_unfounded_nominations(wanted: MarketFile, held: HeldRoles) -> Iterator[Fault]:
    for provider in wanted.providers:
        roles = held.get(provider.for_dip_id)
        if roles is None:
            text = f"nobody has the DIP id {provider.for_dip_id}; add it under organisations"
            yield _make_fault(provider.place, text)
            continue
        if provider.for_dip_id == provider.dip_id:
            yield _make_fault(provider.place, "a participant needs no nomination to act for itself")
        for role in set(provider.roles) - roles:
            yield _make_fault(provider.place, f"{provider.for_dip_id} does not hold the role {role}")


def _find_unfounded_addresses(wanted: MarketFile, held: HeldRoles) -> Iterator[Fault]:
    first_lines: dict[tuple[object, ...], int] = defaultdict(int)
    for address in wanted.addresses:
        row = address.row
        if reason := find_address_fault(row.dip_id, row.role, held):
            yield _make_fault(address.place, reason)
        line = first_lines.setdefault((row.mpan, row.role, row.starts_on), row.line)
        if line != row.line:
            yield _make_fault(address.place, f"the same MPAN, role and first day are in line {line} already")


def find_address_fault(dip_id: str, role: str, held: HeldRoles) -> str | None:
    """Why nobody can be responsible in that role under that DIP id."""
    roles = held.get(dip_id)
    if roles is None:
        return f"nobody has the DIP id {dip_id}"
    return None if role in roles else f"{dip_id} does not hold the role {role}"


def _make_fault(place: Value, text: str) -> Fault:
    return Fault(place.line, place.where, text)
