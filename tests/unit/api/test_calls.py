"""The guard around every handler: whatever happens, one of the statuses there are, and no personal data in the log."""

from collections.abc import Iterator
from typing import Any, cast

import asyncpg
import msgspec
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import CapturingLogger

from opendip import catalogue
from opendip.api.calls import Refused, guard
from opendip.api.context import ApiContext, ApiRules
from opendip.domain.outcomes import Refusal, Status
from opendip.stages.accept import AcceptRules

PERSONAL = "2000000000000"


def make_context() -> ApiContext:
    """Nothing but the rules is looked at when a handler fails."""
    accept = AcceptRules("SIT", 50_000, "0000000000", catalogue.load().response_codes)
    rules = cast(ApiRules, type("Rules", (), {"accept": accept})())
    return cast(ApiContext, type("Context", (), {"rules": rules})())


@pytest.fixture
def log() -> Iterator[CapturingLogger]:
    logger = CapturingLogger()
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    yield logger
    structlog.configure(**before)


async def fail_with(error: Exception) -> Response:
    async def handler(_: Request, __: ApiContext) -> Response:
        message = {"MPAN": PERSONAL}
        assert message
        raise error

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": []}
    return await guard(handler, make_context())(Request(scope))


def read_entry(response: Response) -> dict[str, Any]:
    faults = catalogue.list_definition_faults("StandardResponse", catalogue.load(), bytes(response.body))
    assert faults == []
    [entry] = msgspec.json.decode(response.body)["messageArray"]
    return dict(entry)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError(PERSONAL),
        asyncpg.CannotConnectNowError(PERSONAL),
        asyncpg.AdminShutdownError(PERSONAL),
        asyncpg.TooManyConnectionsError(PERSONAL),
        asyncpg.DiskFullError(PERSONAL),
        asyncpg.ReadOnlySQLTransactionError(PERSONAL),
        asyncpg.InterfaceError(PERSONAL),
        ConnectionRefusedError(PERSONAL),
        FileNotFoundError(PERSONAL),
        TimeoutError(PERSONAL),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_database_that_is_away_is_a_503_to_come_again(error: Exception, log: CapturingLogger) -> None:
    response = await fail_with(error)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "unchanged" in read_entry(response)["help"]
    assert PERSONAL not in str(log.calls) + bytes(response.body).decode()


@pytest.mark.parametrize("error", [ValueError(PERSONAL), KeyError(PERSONAL), asyncpg.DataError(PERSONAL)])
async def test_a_fault_of_ours_is_a_500_that_tells_nothing_personal(error: Exception, log: CapturingLogger) -> None:
    response = await fail_with(error)
    assert response.status_code == 500
    assert read_entry(response)["message"] == "MSG1000 - Message Processing Failed"
    assert "call_failed" in str(log.calls)
    assert type(error).__name__ in str(log.calls)
    assert PERSONAL not in str(log.calls) + bytes(response.body).decode()


async def test_a_refusal_is_answered_as_it_says(log: CapturingLogger) -> None:
    refusal = Refusal(Status.TOO_MANY, "MSG1000", "Come again.", retry_after_seconds=7)
    response = await fail_with(Refused(refusal, "1400000011"))
    entry = read_entry(response)
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert (entry["recipientID"], entry["help"]) == ("1400000011", "Come again.")
    assert log.calls == []
