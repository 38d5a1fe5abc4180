"""Market parts with sensible defaults: a test names only what it is about. Everybody here is fictitious."""

from datetime import UTC, date, datetime

from opendip.domain.market import Nomination, Tenure, Webhook
from opendip.store.participants import add_participant, set_role
from opendip.store.pool import Connection

NOW = datetime(2026, 3, 21, 19, 5, tzinfo=UTC)
TODAY = NOW.date()
ALWAYS = Tenure(date(2000, 1, 1))

SUPPLIER = "2300000012"
DATA_SERVICE = "1109012345"
DISTRIBUTOR = "1400000016"
PROVIDER = "1046217565"


def a_webhook(**changes: object) -> Webhook:
    fields: dict[str, object] = {
        "dip_id": SUPPLIER,
        "channel": "IF-021",
        "url": "https://hooks.example.org/messages",
    }
    return Webhook(**{**fields, **changes})  # type: ignore[arg-type]


def a_nomination(**changes: object) -> Nomination:
    fields: dict[str, object] = {
        "provider_dip_id": PROVIDER,
        "for_dip_id": DATA_SERVICE,
        "role": "SDS",
        "tenure": ALWAYS,
    }
    return Nomination(**{**fields, **changes})  # type: ignore[arg-type]


async def add_small_market(connection: Connection) -> None:
    """A supplier, a data service, a distributor and a connection provider, each with one role for ever."""
    for dip_id, organisation, mpid, role in (
        (SUPPLIER, "Example Supply Ltd", "EXSU", "SUP"),
        (DATA_SERVICE, "Example Data Ltd", "EXDA", "SDS"),
        (DISTRIBUTOR, "Example Wires Ltd", "EXWI", "LDSO"),
        (PROVIDER, "Example Connections Ltd", None, "DCP"),
    ):
        await add_participant(connection, dip_id, organisation, mpid)
        await set_role(connection, dip_id, role, ALWAYS)
