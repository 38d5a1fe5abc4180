"""Half-hourly consumption (IF-021) as bytes: 48 periods, about 4.5 kB, values that differ, made fast.

What is the same in every message of a sender's settlement day is written once; a message is one formatting.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from math import exp
from random import Random

from opendip.domain.market import Role
from opendip.domain.references import format_timestamp

CHANNEL = "IF-021"
PERIODS = 48
"""Half hours of a settlement day, in UTC; the published schema has room for no more."""

_HOUSEHOLDS = 16
_CHANCES = 256

_MESSAGE = (
    b'{"payload":{"CommonBlock":{'
    b'"S0":{"interfaceID":"IF-021","schemaVersion":"011","eventCode":"[ActivePower]"},'
    b'"S1":{"environmentTag":"%(environment)b","subText":null,"senderUniqueReference":"%%b",'
    b'"senderTimestamp":"%%b","senderDIPID":"%(dip_id)b","senderRoleID":"%(role)b",'
    b'"senderCorrelationID":null,"DIPConnectionProviderID":%(provider)b},'
    b'"M0":{"MPANCore":"%%b","distributorDIPID":"%%b","GSPGroupID":"_C"}},'
    b'"CustomBlock":{"B044":{"issuingDataServiceDIPID":"%(dip_id)b"},'
    b'"B067":{"connectionTypeIndicator":"W","connectionTypeEffectiveFromDate":"2020-04-01T00:00:00+00:00"},'
    b'"B900":{"MQID":{"measurementQuantityID":"AI"},"settlementDayConsumptionPeriods":['
    b'{"settlementDay":{"settlementDayDate":"%(day)b","periodDuration":30},"consumptionPeriods":[%(periods)b]}'
    b"]}}}}"
)
_PERIOD = b'{"sp":"%b","v":"%%b","q":"A","e":null,"arc":null}'


def make_consumption(
    random: Random,
    *,
    mpan: str,
    sender: Role,
    distributor: str,
    settlement_day: date,
    reference: str,
    sent_at: str,
    environment: str,
    provider: str | None = None,
) -> bytes:
    """One IF-021 message: a metering point's active import on one settlement day.

    `reference` is the sender unique reference, `sent_at` a timestamp of 25 characters, `provider` the DIP id
    of the connection provider it goes through.
    """
    template = _get_template(sender, provider, settlement_day, environment)
    household = _list_households()[random.randrange(_HOUSEHOLDS)]
    chances = random.randbytes(PERIODS)
    values = [values[chance] for values, chance in zip(household, chances, strict=True)]
    return template % (reference.encode(), sent_at.encode(), mpan.encode(), distributor.encode(), *values)


@lru_cache(maxsize=256)
def _get_template(sender: Role, provider: str | None, settlement_day: date, environment: str) -> bytes:
    midnight = datetime.combine(settlement_day, time(), UTC)
    starts = (midnight + timedelta(minutes=30 * period) for period in range(PERIODS))
    return _MESSAGE % {
        b"environment": environment.encode(),
        b"dip_id": sender.dip_id.encode(),
        b"role": sender.role.encode(),
        b"provider": b'"%b"' % provider.encode() if provider else b"null",
        b"day": format_timestamp(midnight).encode(),
        b"periods": b",".join(_PERIOD % format_timestamp(at).encode() for at in starts),
    }


@cache
def _list_households() -> list[list[list[bytes]]]:
    """For each kind of household, for each period, the kilowatt hours it may have used."""
    return [
        [[_format_use(household, period, chance) for chance in range(_CHANCES)] for period in range(PERIODS)]
        for household in range(_HOUSEHOLDS)
    ]


def _format_use(household: int, period: int, chance: int) -> bytes:
    """A steady use with a morning and an evening peak, more in a larger household, varied by chance."""
    morning, evening = exp(-(((period - 15) / 3) ** 2)), exp(-(((period - 37) / 5) ** 2))
    expected = (0.06 + 0.15 * morning + 0.35 * evening) * (0.5 + household / 4)
    return b"%.3f" % (expected * (0.3 + 1.4 * chance / _CHANCES))
