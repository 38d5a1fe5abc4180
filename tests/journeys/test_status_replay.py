"""What a sender was told of its messages, again: in an answer, or on its queue once more (FS 5.5.11)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from opendip.client import RequeueStatus, ResponseEntry, Sender, StatusReplayRequest
from opendip.domain.references import format_timestamp
from tests.journeys.answers import Reply, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.inboxes import Inbox
from tests.journeys.market import (
    DATA,
    METERING,
    OTHER_PROVIDER,
    OTHER_SUPPLIER,
    PROVIDER,
    QUIET,
    SUPPLIER,
    UNKNOWN_MPAN,
)
from tests.journeys.test_relay import a_status, report, send_and_receive
from tests.journeys.test_replay import start_afresh
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import send

Entry = dict[str, Any]
PATH = "/2.1.0/statusmessage"
LATER = "2099-01-01T00:00:00+00:00"


def ask(start: str, **wishes: Any) -> bytes:
    return msgspec.json.encode({"datetimeFrom": start, "datetimeTo": LATER, **wishes})


async def call(dip: Dip, what: str, body: bytes, caller: str = DATA, of: str = DATA, **parts: Any) -> Reply:
    return await dip.participants[caller].call(f"{PATH}/{what}/{of}", body, **parts)


async def replay(dip: Dip, start: str, **wishes: Any) -> list[Entry]:
    reply = await call(dip, "replay", ask(start, **wishes))
    assert reply.status == 200, (reply.status, reply.body[:2000])
    found: list[Entry] = msgspec.json.decode(reply.body)
    return found


async def tell(dip: Dip, count: int, **changes: Any) -> list[Entry]:
    """Status messages to DATA that have arrived; `transactionID` may be among the changes, else each has its own."""
    own = [] if "transactionID" in changes else await send_and_receive(dip, count)
    transactions = own or [changes.pop("transactionID")] * count
    entries = [a_status(t, message=f"RCP1061 - {uuid4()}", **changes) for t in transactions]
    assert (await report(dip, *entries)).status == 201
    texts = {entry["message"] for entry in entries}
    await eventually(lambda: texts <= {s.message for s in dip.inboxes[DATA].statuses}, "all were told")
    return entries


async def ask_status(dip: Dip, query: str = "", caller: str = DATA, of: str = DATA) -> Reply:
    return await dip.participants[caller].call(f"{PATH}/requeueStatus/{of}{query}", method="GET")


class TestReplay:
    async def test_all_of_the_time_come_as_they_were_in_the_order_they_were_queued(self, dip: Dip):
        start = await start_afresh()
        told = [*await tell(dip, 3), *await tell(dip, 2, help="\u20ac \u0000")]
        assert await replay(dip, start) == told

    async def test_what_the_dip_itself_said_is_among_them(self, dip: Dip):
        start = await start_afresh()
        [transaction] = await send(dip, 1, mpan=UNKNOWN_MPAN)
        status = await dip.inboxes[DATA].wait_for_status(transaction)
        assert msgspec.to_builtins(status) in await replay(dip, start)

    async def test_up_to_the_second_asked_for(self, dip: Dip):
        start = await start_afresh()
        first = await tell(dip, 1)
        later = await start_afresh()
        second = await tell(dip, 1)
        end = format_timestamp(datetime.fromisoformat(later) - timedelta(seconds=1))
        assert await replay(dip, start, datetimeTo=end) == first
        assert await replay(dip, later) == second

    async def test_times_may_be_in_any_offset(self, dip: Dip):
        start = await start_afresh()
        told = await tell(dip, 1)
        shifted = (datetime.fromisoformat(start) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S+01:00")
        assert await replay(dip, shifted) == told

    async def test_by_transaction_reference_and_correlation(self, dip: Dip):
        start = await start_afresh()
        reference = f"S-IF-021-{DATA}-SDS-20260321-{uuid4().hex}"
        [one] = await tell(dip, 1, senderUniqueReference=reference)
        [two] = await tell(dip, 1, correlationID="CI-20260321-0a1b")
        [three] = await tell(dip, 1, transactionID=f"R-0000002a-{one['transactionID']}")
        assert await replay(dip, start, transactionID=one["transactionID"]) == [one, three]
        assert await replay(dip, start, transactionID=f"R-0000002b-{two['transactionID']}") == [two]
        assert await replay(dip, start, senderUniqueReference=reference) == [one]
        assert await replay(dip, start, correlationID="CI-20260321-0a1b") == [two]
        assert await replay(dip, start, correlationID="CI-20260321-0a1b", transactionID=one["transactionID"]) == []
        nothing = dict.fromkeys(("transactionID", "senderUniqueReference", "correlationID"))
        assert await replay(dip, start, **nothing) == [one, two, three]

    async def test_none_is_an_empty_answer(self, dip: Dip):
        assert await replay(dip, "2020-01-01T00:00:00+00:00", datetimeTo="2020-01-02T00:00:00+00:00") == []
        assert await replay(dip, "9999-12-31T23:59:59+00:00", datetimeTo="9999-12-31T23:59:59+00:00") == []
        never = await call(dip, "replay", ask("2020-01-01T00:00:00+00:00"), caller=PROVIDER, of=PROVIDER)
        assert (never.status, never.body) == (200, b"[]")

    async def test_more_than_fits_is_continued(self, dip: Dip):
        start = await start_afresh()
        told = await tell(dip, 7)
        body, headers, sizes, found = ask(start), {}, [], []
        while True:
            reply = await call(dip, "replay", body, base=dip.strict_base, headers=headers)
            entries = msgspec.json.decode(reply.body)
            found += entries
            sizes.append(len(entries))
            if reply.status == 200:
                break
            assert reply.status == 206
            token = reply.headers["x-continuation-token"]
            assert UUID(token)
            headers = {"X-Continuation-Token": token}
        assert (found, sizes) == (told, [3, 3, 1])
        for other in (ask(start, datetimeTo="2098-01-01T00:00:00+00:00"), ask(start, correlationID="CI-1")):
            assert_refused(await call(dip, "replay", other, headers=headers), 400, "MSG1001", "X-Continuation-Token")
        for garbage in ("", "x", str(uuid4())):
            reply = await call(dip, "replay", body, headers={"X-Continuation-Token": garbage})
            assert_refused(reply, 400, "MSG1001", "X-Continuation-Token")

    async def test_a_provider_asks_for_whom_it_is_nominated_in_every_role_and_nobody_else(self, dip: Dip):
        start = await start_afresh()
        # DATA acts in two roles, and has nominated it for one of them.
        reply = await dip.participants[PROVIDER].call(f"/2.1.0/statusmessage/replay/{DATA}", ask(start))
        assert_refused(reply, 403, "MSG1011", "some of them only")
        reply = await dip.participants[OTHER_PROVIDER].call(f"/2.1.0/statusmessage/replay/{METERING}", ask(start))
        assert reply.status == 200
        for what in ("replay", "requeue"):
            assert_refused(await call(dip, what, ask(start), caller=OTHER_SUPPLIER), 403, "MSG1011", "not yours")
            assert_refused(await call(dip, what, ask(start), of="9999999999"), 403, "MSG1011", "not yours")
        assert_refused(await ask_status(dip, caller=OTHER_SUPPLIER), 403, "MSG1011", "not yours")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b"null",
            b'{"datetimeFrom":"2026-03-21T00:00:00+00:00"}',
            ask(None),  # type: ignore[arg-type]
            ask("2026-03-21T00:00:00Z"),
            ask("2026-13-21T00:00:00+00:00"),
            ask("0001-01-01T00:00:00+14:00"),
            ask("2099-01-02T00:00:00+00:00"),
            ask("2026-03-21T00:00:00+00:00", extra=1),
            ask("2026-03-21T00:00:00+00:00", transactionID=""),
            ask("2026-03-21T00:00:00+00:00", transactionID=["T"]),
            ask("2026-03-21T00:00:00+00:00", senderUniqueReference="S" * 201),
            ask("2026-03-21T00:00:00+00:00", correlationID=7),
            b'{"datetimeFrom":' * 100_000,
            b'{"datetimeFrom":"\xff"}',
            rb'{"datetimeFrom":"\ud800"}',
        ],
    )
    async def test_what_is_no_request_is_refused(self, dip: Dip, body: bytes):
        for what in ("replay", "requeue"):
            assert_refused(await call(dip, what, body), 400, "MSG1001", "")


class TestRequeue:
    async def requeue(self, dip: Dip, body: bytes) -> RequeueStatus:
        reply = await call(dip, "requeue", body)
        assert reply.status == 202, reply.body
        job = msgspec.json.decode(reply.body)["requeueId"]

        async def find() -> RequeueStatus | None:
            status = msgspec.json.decode((await ask_status(dip, f"?requeue-id={job}")).body, type=RequeueStatus)
            return None if status.status == "Processing" else status

        found = await eventually(find, "the requeue is done")
        assert found is not None
        return found

    def list_told(self, inbox: Inbox, entries: list[Entry]) -> list[str | None]:
        texts = {entry["message"] for entry in entries}
        return [status.message for status in inbox.statuses if status.message in texts]

    async def test_they_arrive_once_more_in_their_order(self, dip: Dip):
        start = await start_afresh()
        told = await tell(dip, 5)
        texts = [entry["message"] for entry in told]
        assert await self.requeue(dip, ask(start)) == RequeueStatus(100, 5, 5, "Completed")
        await eventually(lambda: self.list_told(dip.inboxes[DATA], told) == texts * 2, "all came twice")
        again = [msgspec.to_builtins(s) for s in dip.inboxes[DATA].statuses if s.message in texts][5:]
        assert again == told

    async def test_what_was_requeued_is_not_replayed_nor_requeued_twice(self, dip: Dip):
        start = await start_afresh()
        told = await tell(dip, 2)
        for times in (2, 3):
            assert (await self.requeue(dip, ask(start))).totalTransactions == 2
            await eventually(lambda t=times: len(self.list_told(dip.inboxes[DATA], told)) == 2 * t, "all came again")
        assert await replay(dip, start) == told

    async def test_only_those_about_a_message(self, dip: Dip):
        start = await start_afresh()
        one, two = await tell(dip, 2)
        status = await self.requeue(dip, ask(start, transactionID=two["transactionID"]))
        assert (status.status, status.processedTransactions) == ("Completed", 2)
        await eventually(lambda: len(self.list_told(dip.inboxes[DATA], [two])) == 2, "it came twice")
        assert len(self.list_told(dip.inboxes[DATA], [one])) == 1

    async def test_the_very_same_call_is_answered_as_it_was_and_done_once(self, dip: Dip):
        start = await start_afresh()
        told = await tell(dip, 1)
        caller, path = dip.participants[DATA], f"{PATH}/requeue/{DATA}"
        signed = caller.sign(path, ask(start))
        replies = await asyncio.gather(*(caller.call(path, ask(start), signed=signed) for _ in range(4)))
        assert {(reply.status, reply.body) for reply in replies} == {(202, replies[0].body)}
        await eventually(lambda: len(self.list_told(dip.inboxes[DATA], told)) == 2, "it came twice")
        job = msgspec.json.decode(replies[0].body)["requeueId"]
        status = msgspec.json.decode((await ask_status(dip, f"?requeue-id={job}")).body, type=RequeueStatus)
        assert status.totalTransactions in (0, 1)

    async def test_a_second_one_is_told_to_come_when_the_first_is_done(self, dip: Dip):
        body = ask("2020-01-01T00:00:00+00:00")

        async def is_refused_while_held() -> bool:
            first = msgspec.json.decode((await call(dip, "requeue", body, caller=QUIET, of=QUIET)).body)["requeueId"]
            async with dip.pool.acquire() as connection, connection.transaction():
                # Held as by a worker that is at it; unless a worker has done it already.
                query = "select status = 'Processing' from requeue_job where id = $1 for update"
                if not await connection.fetchval(query, UUID(first)):
                    return False
                second = await call(dip, "requeue", body, caller=QUIET, of=QUIET)
                assert_refused(second, 429, "MSG1000", "under way")
                assert int(second.headers["retry-after"]) > 0
                status = await ask_status(dip, caller=QUIET, of=QUIET)
                assert msgspec.json.decode(status.body, type=RequeueStatus).status == "Processing"
            return True

        await eventually(is_refused_while_held, "a requeue was caught before it was done")

        async def is_taken() -> bool:
            return (await call(dip, "requeue", body, caller=QUIET, of=QUIET)).status == 202

        await eventually(is_taken, "the first is done, and the second is taken")

    async def test_of_what_was_never_told_nothing_is_requeued(self, dip: Dip):
        reply = await call(dip, "requeue", ask("2020-01-01T00:00:00+00:00"), caller=PROVIDER, of=PROVIDER)
        assert reply.status == 202

        async def is_done() -> bool:
            reply = await ask_status(dip, caller=PROVIDER, of=PROVIDER)
            return msgspec.json.decode(reply.body, type=RequeueStatus) == RequeueStatus(100, 0, 0, "Completed")

        await eventually(is_done, "it is done")

    async def test_a_requeue_that_is_not_there_has_no_status(self, dip: Dip):
        assert (await ask_status(dip, f"?requeue-id={uuid4()}")).status == 204
        assert (await ask_status(dip, caller=SUPPLIER, of=SUPPLIER)).status == 204
        assert_refused(await ask_status(dip, "?requeue-id=x"), 400, "MSG1001", "requeue-id")


async def test_the_client_has_them_again(dip: Dip):
    start = datetime.fromisoformat(await start_afresh())
    told = await tell(dip, 2)
    async with Sender(dip.participants[DATA].credentials, dip.base) as sender:
        request = StatusReplayRequest(start, datetime.now(UTC) + timedelta(seconds=1))
        found: list[ResponseEntry] = [entry async for page in sender.replay_statuses(request) for entry in page]
        assert [msgspec.to_builtins(entry) for entry in found] == told
        job = await sender.requeue_statuses(request)

        async def is_done() -> bool:
            status = await sender.get_status_requeue_status(job)
            return status is not None and status.status == "Completed"

        await eventually(is_done, "it is done")
