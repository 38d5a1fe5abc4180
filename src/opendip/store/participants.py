"""Participants (DIP ids): the roles they hold and the connection providers they have nominated."""

from opendip.domain.market import Nomination, Tenure
from opendip.store.organisations import ensure_organisation
from opendip.store.pool import Connection
from opendip.store.queries import load_queries


async def add_participant(connection: Connection, dip_id: str, organisation: str, mpid: str | None) -> None:
    """A new DIP id; its organisation is added when it is new too."""
    number = await ensure_organisation(connection, organisation)
    await connection.execute(load_queries("participants")["add_participant"], dip_id, number, mpid)


async def set_mpid(connection: Connection, dip_id: str, mpid: str | None) -> None:
    await connection.execute(load_queries("participants")["set_mpid"], dip_id, mpid)


async def set_role(connection: Connection, dip_id: str, role: str, tenure: Tenure) -> None:
    query = load_queries("participants")["set_role"]
    await connection.execute(query, dip_id, role, tenure.starts_on, tenure.ends_on)


async def remove_role(connection: Connection, dip_id: str, role: str) -> None:
    await connection.execute(load_queries("participants")["remove_role"], dip_id, role)


async def set_nomination(connection: Connection, nomination: Nomination) -> None:
    """Make a nomination, or move the end of the one that begins on the same day."""
    provider, participant, role, tenure = (
        nomination.provider_dip_id,
        nomination.for_dip_id,
        nomination.role,
        nomination.tenure,
    )
    query = load_queries("participants")["set_nomination"]
    await connection.execute(query, provider, participant, role, tenure.starts_on, tenure.ends_on)


async def remove_nomination(connection: Connection, nomination: Nomination) -> None:
    await connection.execute(
        load_queries("participants")["remove_nomination"],
        nomination.provider_dip_id,
        nomination.for_dip_id,
        nomination.role,
        nomination.tenure.starts_on,
    )
