"""Who takes part in the market and what each may do: one consistent picture, read from the store and shared by all.

A picture is never changed: a change of the market makes a new one, and every process replaces its own within a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

STATUS_WEBHOOK = "STATUS"
"""Stands where a channel stands, for the webhook that takes status messages (E2E 4.8)."""


DIP_ROLE = "DIP"
"""The role in which the DIP itself takes and sends messages (E2E 5.1.7); no participant holds it."""


class Role(NamedTuple):
    """A DIP id acting in one market role: what messages are addressed to (E2E 4.3.1)."""

    dip_id: str
    role: str


@dataclass(frozen=True, slots=True)
class Tenure:
    """The days on which something holds: from the first, up to but without the last; no last means open."""

    starts_on: date
    ends_on: date | None = None

    def covers(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


@dataclass(frozen=True, slots=True)
class Participant:
    """A DIP id: the organisation it belongs to and the roles it holds."""

    dip_id: str
    organisation: str
    mpid: str | None = None
    roles: Mapping[str, Tenure] = field(default_factory=dict)

    def has_role(self, role: str, day: date) -> bool:
        tenure = self.roles.get(role)
        return tenure is not None and tenure.covers(day)


@dataclass(frozen=True, slots=True)
class Nomination:
    """A participant's choice of a connection provider, for one role or (None) for all of them (E2E 4.1)."""

    provider_dip_id: str
    for_dip_id: str
    role: str | None
    tenure: Tenure


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a DIP id takes a publication (or its status messages), and how much at a time."""

    dip_id: str
    channel: str
    url: str
    max_message_count: int | None = None
    max_payload_bytes: int | None = None
    max_message_rate: int | None = None
    """Messages a second, over all deliveries."""
    paused_at: datetime | None = None
    """Since when its owner has wanted nothing; None: it takes messages."""


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What the operator sets for one channel; None: as the settings say."""

    channel: str
    retry_base: timedelta | None = None
    retry_ceiling: timedelta | None = None
    dead_letter_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """A certificate the DIP knows: its SHA-256 fingerprint (hexadecimal), what it is for and whose it is."""

    fingerprint: str
    purpose: str
    organisation: str
    not_after: datetime
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class Market:
    """The whole picture. Look-ups that find nothing answer None or an empty tuple: deny by default."""

    version: int
    participants: Mapping[str, Participant]
    api_keys: Mapping[str, str]
    """SHA-256 (hexadecimal) of a live API key, to the DIP id it was given to."""
    certificates: Mapping[str, RegisteredCertificate]
    nominations: Mapping[tuple[str, str], tuple[Nomination, ...]]
    """(provider DIP id, DIP id it acts for) to the nominations between them."""
    webhooks: Mapping[tuple[str, str], Webhook]
    """(DIP id, channel or STATUS_WEBHOOK) to its webhook."""
    holders: Mapping[str, tuple[str, ...]]
    """Role to the DIP ids that hold it on any date; ask `list_holders` for a day."""
    channel_rules: Mapping[str, ChannelRule] = field(default_factory=dict)
    """Channel (or STATUS_WEBHOOK) to its rules; ask `get_rule`."""

    def get_rule(self, channel: str) -> ChannelRule:
        return self.channel_rules.get(channel) or ChannelRule(channel)

    def list_holders(self, role: str, day: date) -> tuple[str, ...]:
        return tuple(d for d in self.holders.get(role, ()) if self.participants[d].has_role(role, day))

    def is_nominated(self, provider_dip_id: str, for_dip_id: str, role: str, day: date) -> bool:
        """Whether the provider may act for that DIP id in that role (E2E 4.4.2.3)."""
        nominations = self.nominations.get((provider_dip_id, for_dip_id), ())
        return any(n.role in (None, role) and n.tenure.covers(day) for n in nominations)


def add_dip(market: Market, dip_id: str) -> Market:
    """The same picture with the DIP itself in it, in its own role and no other."""
    always = Tenure(date.min)
    dip = Participant(dip_id, organisation="", roles={DIP_ROLE: always})
    participants = {**market.participants, dip_id: dip}
    return replace(market, participants=participants, holders={**market.holders, DIP_ROLE: (dip_id,)})
