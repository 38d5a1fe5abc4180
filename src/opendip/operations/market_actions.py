"""The single changes a market can undergo, and doing one."""

from datetime import datetime
from typing import NamedTuple, assert_never

from opendip.domain.market import Nomination, Tenure, Webhook
from opendip.store.organisations import ensure_organisation
from opendip.store.participants import (
    add_participant,
    remove_nomination,
    remove_role,
    set_mpid,
    set_nomination,
    set_role,
)
from opendip.store.pool import Connection
from opendip.store.webhooks import delete_webhook, reopen_queues, set_webhook


class AddOrganisation(NamedTuple):
    name: str


class AddParticipant(NamedTuple):
    dip_id: str
    organisation: str
    mpid: str | None


class SetMpid(NamedTuple):
    dip_id: str
    mpid: str | None


class SetRole(NamedTuple):
    dip_id: str
    role: str
    tenure: Tenure


class RemoveRole(NamedTuple):
    dip_id: str
    role: str


class SetNomination(NamedTuple):
    nomination: Nomination


class RemoveNomination(NamedTuple):
    nomination: Nomination


class SetWebhook(NamedTuple):
    webhook: Webhook


class RemoveWebhook(NamedTuple):
    dip_id: str
    channel: str


ParticipantAction = AddOrganisation | AddParticipant | SetMpid | SetRole | RemoveRole
ConnectionAction = SetNomination | RemoveNomination | SetWebhook | RemoveWebhook
Action = ParticipantAction | ConnectionAction


async def act(connection: Connection, action: Action, now: datetime) -> None:
    """Do one thing, within the caller's transaction."""
    if isinstance(action, SetNomination | RemoveNomination | SetWebhook | RemoveWebhook):
        await _connect(connection, action, now)
    else:
        await _enrol(connection, action)


async def _enrol(connection: Connection, action: ParticipantAction) -> None:
    match action:
        case AddOrganisation(name):
            await ensure_organisation(connection, name)
        case AddParticipant(dip_id, organisation, mpid):
            await add_participant(connection, dip_id, organisation, mpid)
        case SetMpid(dip_id, mpid):
            await set_mpid(connection, dip_id, mpid)
        case SetRole(dip_id, role, tenure):
            await set_role(connection, dip_id, role, tenure)
        case RemoveRole(dip_id, role):
            await remove_role(connection, dip_id, role)
        case _:
            assert_never(action)


async def _connect(connection: Connection, action: ConnectionAction, now: datetime) -> None:
    match action:
        case SetNomination(nomination):
            await set_nomination(connection, nomination)
        case RemoveNomination(nomination):
            await remove_nomination(connection, nomination)
        case SetWebhook(webhook):
            await set_webhook(connection, webhook, now)
            await reopen_queues(connection, webhook.dip_id, webhook.channel, now)
        case RemoveWebhook(dip_id, channel):
            await delete_webhook(connection, dip_id, channel)
        case _:
            assert_never(action)
