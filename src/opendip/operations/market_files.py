"""The market file: what `dip market apply` is told, read and checked as far as the file alone can be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from opendip.domain.market import Tenure
from opendip.domain.plain_text import make_plain
from opendip.domain.roles import CONNECTION_PROVIDER, ROLES
from opendip.domain.webhook_addresses import find_url_fault
from opendip.operations.entries import Entry, EntryReader, Form, Value
from opendip.store.addresses import AddressRow

BEGINNING = date(2000, 1, 1)
"""From when a role or a nomination holds that names no first day."""
BYTES_IN_A_KILOBYTE = 1000
_MAX_COUNT = 1_000_000

DIP_ID = Form(re.compile(r"[0-9]{10}"), "a DIP id of ten digits")
MPID = Form(re.compile(r"[A-Z]{4}"), "a market participant id of four capitals")
MPAN = Form(re.compile(r"[0-9]{13}"), "an MPAN of 13 digits")
NAME = Form(re.compile(r".{1,64}", re.DOTALL), "a name of at most 64 characters")


@dataclass(frozen=True, slots=True)
class WantedWebhooks:
    """Where a participant wants its publications and its status messages."""

    messages: str | None
    status: str | None
    max_message_count: int | None
    max_payload_bytes: int | None
    max_message_rate: int | None
    """Messages a second."""


@dataclass(frozen=True, slots=True)
class WantedParticipant:
    """A DIP id as the file wants it; `webhooks` None leaves those there are."""

    place: Value = field(compare=False)
    dip_id: str
    organisation: str
    mpid: str | None
    roles: Mapping[str, Tenure]
    webhooks: WantedWebhooks | None


@dataclass(frozen=True, slots=True)
class WantedProvider:
    """A connection provider acting for a participant; no roles: in all of them."""

    place: Value = field(compare=False)
    dip_id: str
    organisation: str
    for_dip_id: str
    roles: tuple[str, ...]
    tenure: Tenure


@dataclass(frozen=True, slots=True)
class WantedAddress:
    """One address of the market file itself."""

    place: Value = field(compare=False)
    row: AddressRow


@dataclass(frozen=True, slots=True)
class MarketFile:
    """The market as the file says."""

    participants: tuple[WantedParticipant, ...]
    providers: tuple[WantedProvider, ...]
    addresses: tuple[WantedAddress, ...]
    address_files: tuple[Path, ...]


def read_market_file(reader: EntryReader, *, allow_private_webhooks: bool) -> MarketFile:
    """Everything that can be read; the faults of the rest are left with the reader."""
    sections = ("organisations", "connection_providers", "addresses", "address_files")
    participants: list[WantedParticipant] = []
    providers: list[WantedProvider] = []
    addresses: list[WantedAddress] = []
    files: list[Path] = []
    with reader.collecting():
        top = reader.read(reader.open(), (), sections)
        for value in _list(reader, top, "organisations"):
            participants += _read_organisation(reader, value, allow_private_webhooks)
        for value in _list(reader, top, "connection_providers"):
            with reader.collecting():
                providers.append(_read_provider(reader, value))
        for value in _list(reader, top, "addresses"):
            with reader.collecting():
                addresses.append(_read_address(reader, value))
        for value in _list(reader, top, "address_files"):
            with reader.collecting():
                files.append(_find_file(reader.file.parent, value))
    return MarketFile(tuple(participants), tuple(providers), tuple(addresses), tuple(files))


def _list(reader: EntryReader, entry: Entry, key: str) -> list[Value]:
    with reader.collecting():
        return entry.list_of(key)
    return []


def _read_organisation(reader: EntryReader, value: Value, allow_private: bool) -> list[WantedParticipant]:
    found: list[WantedParticipant] = []
    with reader.collecting():
        entry = reader.read(value, ("name", "participants"))
        name = _read_name(entry.get("name"))
        members = entry.get("participants")
        if not members.list_values():
            raise members.refuse("an organisation has at least one participant")
        for participant in members.list_values():
            with reader.collecting():
                found.append(_read_participant(reader, participant, name, allow_private))
    return found


def _read_name(value: Value) -> str:
    name = value.get_text(NAME)
    if make_plain(name) != name:
        raise value.refuse("a name has visible characters alone: no control characters, nor marks of direction")
    return name


def _read_participant(reader: EntryReader, value: Value, organisation: str, allow_private: bool) -> WantedParticipant:
    entry = reader.read(value, ("dip_id", "roles"), ("mpid", "webhooks"))
    mpid, webhooks = entry.find("mpid"), entry.find("webhooks")
    return WantedParticipant(
        place=value,
        dip_id=entry.get("dip_id").get_text(DIP_ID),
        organisation=organisation,
        mpid=mpid.get_text(MPID) if mpid else None,
        roles=_read_roles(reader, entry.get("roles")),
        webhooks=_read_webhooks(reader, webhooks, allow_private) if webhooks else None,
    )


def _read_roles(reader: EntryReader, value: Value) -> Mapping[str, Tenure]:
    roles: dict[str, Tenure] = {}
    for item in value.list_values():
        entry = reader.read(item, ("role",), ("from", "to")) if item.is_mapping else None
        role = (entry.get("role") if entry else item).get_choice(ROLES, "role")
        if role in roles:
            raise item.refuse(f"the role {role} is there twice")
        roles[role] = _read_tenure(entry) if entry else Tenure(BEGINNING)
    if not roles:
        raise value.refuse("a participant holds at least one role")
    return roles


def _read_tenure(entry: Entry) -> Tenure:
    """`from` up to but without `to`."""
    first, last = entry.find("from"), entry.find("to")
    starts_on = first.get_date() if first else BEGINNING
    ends_on = last.get_date() if last else None
    if last and ends_on is not None and ends_on <= starts_on:
        raise last.refuse("a day after the first is expected: it is the first day on which it no longer holds")
    return Tenure(starts_on, ends_on)


def _read_webhooks(reader: EntryReader, value: Value, allow_private: bool) -> WantedWebhooks:
    keys = ("messages", "status", "max_message_count", "max_payload_kb", "rate")
    entry = reader.read(value, (), keys)
    messages, status, count, size, rate = (entry.find(key) for key in keys)
    kilobytes = size.get_count(_MAX_COUNT) if size else None
    return WantedWebhooks(
        messages=_read_url(messages, allow_private) if messages else None,
        status=_read_url(status, allow_private) if status else None,
        max_message_count=count.get_count(_MAX_COUNT) if count else None,
        max_payload_bytes=kilobytes * BYTES_IN_A_KILOBYTE if kilobytes else None,
        max_message_rate=rate.get_count(_MAX_COUNT) if rate else None,
    )


def _read_url(value: Value, allow_private: bool) -> str:
    url = value.get_text()
    fault = find_url_fault(url, allow_private=allow_private)
    if fault is None:
        return url
    is_private = find_url_fault(url, allow_private=True) is None
    advice = ". For a trial on one machine, set allow_private_webhooks" if is_private else ""
    raise value.refuse(f"the URL cannot be used: {fault}{advice}")


def _read_provider(reader: EntryReader, value: Value) -> WantedProvider:
    entry = reader.read(value, ("dip_id", "organisation", "for"), ("roles", "from", "to"))
    return WantedProvider(
        place=value,
        dip_id=entry.get("dip_id").get_text(DIP_ID),
        organisation=_read_name(entry.get("organisation")),
        for_dip_id=entry.get("for").get_text(DIP_ID),
        roles=tuple(role.get_choice(ROLES.keys() - {CONNECTION_PROVIDER}, "role") for role in entry.list_of("roles")),
        tenure=_read_tenure(entry),
    )


def _read_address(reader: EntryReader, value: Value) -> WantedAddress:
    entry = reader.read(value, ("mpan", "role", "dip_id", "from"), ("to",))
    tenure = _read_tenure(entry)
    row = AddressRow(
        value.line,
        int(entry.get("mpan").get_text(MPAN)),
        entry.get("role").get_choice(ROLES, "role"),
        entry.get("dip_id").get_text(DIP_ID),
        tenure.starts_on,
        tenure.ends_on,
    )
    return WantedAddress(value, row)


def _find_file(directory: Path, value: Value) -> Path:
    path = directory / value.get_text()
    if not path.is_file():
        raise value.refuse(f"there is no file {path}")
    return path
