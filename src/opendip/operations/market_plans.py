"""What has to change for the market to be as a market file says; pure, and nothing when it is so already.

The file speaks for the participants it names: roles, nominations and publications it no longer gives them go.
Participants it does not name, and webhooks it is silent about, stay as they are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from opendip.catalogue import Channel
from opendip.domain.market import STATUS_WEBHOOK, Market, Nomination, Participant, Tenure, Webhook
from opendip.domain.roles import CONNECTION_PROVIDER
from opendip.operations.market_actions import (
    Action,
    AddOrganisation,
    AddParticipant,
    RemoveNomination,
    RemoveRole,
    RemoveWebhook,
    SetMpid,
    SetNomination,
    SetRole,
    SetWebhook,
)
from opendip.operations.market_files import BEGINNING, MarketFile, WantedParticipant, WantedProvider

Outcome = Literal["created", "changed", "removed", "left"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the file speaks of: what becomes of it, and the action that does it, if any is needed."""

    noun: str
    outcome: Outcome
    action: Action | None = None


def plan_market(wanted: MarketFile, market: Market, channels: Iterable[Channel]) -> list[Step]:
    """`channels`: all that the catalogue has."""
    channels = tuple(channels)
    return [
        *_plan_organisations(wanted, market),
        *_plan_participants(wanted, market),
        *_plan_nominations(wanted.providers, market),
        *(
            step
            for participant in wanted.participants
            for step in _plan_webhooks(participant, market, _list_publications(participant, channels))
        ),
    ]


def _list_publications(participant: WantedParticipant, channels: Iterable[Channel]) -> list[str]:
    """The channels that any of its roles receives."""
    return [channel.id for channel in channels if not channel.receivers.isdisjoint(participant.roles)]


def _plan_organisations(wanted: MarketFile, market: Market) -> Iterator[Step]:
    known = {participant.organisation for participant in market.participants.values()}
    named = [p.organisation for p in wanted.participants] + [p.organisation for p in wanted.providers]
    for name in dict.fromkeys(named):
        is_known = name in known
        yield Step("organisations", "left") if is_known else Step("organisations", "created", AddOrganisation(name))


def _plan_participants(wanted: MarketFile, market: Market) -> Iterator[Step]:
    for participant in wanted.participants:
        current = market.participants.get(participant.dip_id)
        yield _plan_participant(participant, current)
        yield from _plan_roles(participant, current)
    named = {participant.dip_id for participant in wanted.participants}
    providers = {provider.dip_id: provider.organisation for provider in wanted.providers}
    for dip_id, organisation in providers.items():
        current = market.participants.get(dip_id)
        if dip_id not in named:
            yield (
                Step("participants", "left")
                if current
                else Step("participants", "created", AddParticipant(dip_id, organisation, None))
            )
        if not current or CONNECTION_PROVIDER not in current.roles:
            yield Step("roles", "created", SetRole(dip_id, CONNECTION_PROVIDER, Tenure(BEGINNING)))
        else:
            yield Step("roles", "left")


def _plan_participant(wanted: WantedParticipant, current: Participant | None) -> Step:
    if current is None:
        action = AddParticipant(wanted.dip_id, wanted.organisation, wanted.mpid)
        return Step("participants", "created", action)
    if current.mpid != wanted.mpid:
        return Step("participants", "changed", SetMpid(wanted.dip_id, wanted.mpid))
    return Step("participants", "left")


def _plan_roles(wanted: WantedParticipant, current: Participant | None) -> Iterator[Step]:
    held: Mapping[str, Tenure] = current.roles if current else {}
    for role, tenure in wanted.roles.items():
        if held.get(role) == tenure:
            yield Step("roles", "left")
        else:
            outcome: Outcome = "changed" if role in held else "created"
            yield Step("roles", outcome, SetRole(wanted.dip_id, role, tenure))
    # Being a connection provider is said by its nominations, further down in the file.
    for role in held.keys() - wanted.roles.keys() - {CONNECTION_PROVIDER}:
        yield Step("roles", "removed", RemoveRole(wanted.dip_id, role))


def _plan_nominations(wanted: Collection[WantedProvider], market: Market) -> Iterator[Step]:
    by_provider = sorted(wanted, key=lambda entry: entry.dip_id)
    for provider, entries in groupby(by_provider, key=lambda entry: entry.dip_id):
        current = {
            _identify(nomination): nomination
            for (nominated, _), nominations in market.nominations.items()
            for nomination in nominations
            if nominated == provider
        }
        asked = {_identify(n): n for entry in entries for n in _list_nominations(entry)}
        for key, nomination in asked.items():
            if current.get(key) == nomination:
                yield Step("nominations", "left")
            else:
                outcome: Outcome = "changed" if key in current else "created"
                yield Step("nominations", outcome, SetNomination(nomination))
        for key in current.keys() - asked.keys():
            yield Step("nominations", "removed", RemoveNomination(current[key]))


def _identify(nomination: Nomination) -> tuple[object, ...]:
    return nomination.for_dip_id, nomination.role, nomination.tenure.starts_on


def _list_nominations(entry: WantedProvider) -> Iterator[Nomination]:
    for role in entry.roles or (None,):
        yield Nomination(entry.dip_id, entry.for_dip_id, role, entry.tenure)


def _plan_webhooks(wanted: WantedParticipant, market: Market, channels: Collection[str]) -> Iterator[Step]:
    if wanted.webhooks is None:
        return
    current = {channel: hook for (dip_id, channel), hook in market.webhooks.items() if dip_id == wanted.dip_id}
    asked = {hook.channel: hook for hook in _list_webhooks(wanted, channels)}
    for channel, webhook in asked.items():
        there = current.get(channel)
        # A pause is its owner's doing: the file knows nothing of it and lets it be.
        if there is not None and replace(there, paused_at=None) == webhook:
            yield Step("webhooks", "left")
        else:
            outcome: Outcome = "changed" if there else "created"
            yield Step("webhooks", outcome, SetWebhook(webhook))
    if wanted.webhooks.messages:
        for channel in current.keys() - asked.keys() - {STATUS_WEBHOOK}:
            yield Step("webhooks", "removed", RemoveWebhook(wanted.dip_id, channel))


def _list_webhooks(wanted: WantedParticipant, channels: Collection[str]) -> Iterator[Webhook]:
    hooks = wanted.webhooks
    assert hooks is not None
    limits = hooks.max_message_count, hooks.max_payload_bytes, hooks.max_message_rate
    if hooks.messages:
        for channel in channels:
            yield Webhook(wanted.dip_id, channel, hooks.messages, *limits)
    if hooks.status:
        yield Webhook(wanted.dip_id, STATUS_WEBHOOK, hooks.status, *limits)
