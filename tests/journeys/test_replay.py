"""What a recipient was sent, again: in an answer, or on its queue once more (E2E 4.9, FS 5.5.11)."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opendip import catalogue
from opendip.domain.references import find_transaction, strip_replay_prefix
from tests.journeys.answers import Reply, assert_accepted, assert_refused, load_release
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.inboxes import Inbox
from tests.journeys.market import (
    BOTH,
    BOTH_MPAN,
    DATA,
    DISTRIBUTOR,
    METERING,
    MPANS,
    OTHER_PROVIDER,
    OTHER_SUPPLIER,
    PROVIDER,
    REGISTRATION,
    SUPPLIER,
)
from tests.journeys.participants import get_path
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import send

Inboxes = dict[str, Inbox]


def ask(**wishes: Any) -> bytes:
    nothing = dict.fromkeys(("datetimeFrom", "datetimeTo", "eventCode", "MPAN", "version"))
    return msgspec.json.encode({**nothing, **wishes})


def replay_path(recipient: str, channel: str = "IF-021", what: str = "replay") -> str:
    return f"{get_path(channel)}/{what}/{recipient}"


async def replay(dip: Dip, caller: str = SUPPLIER, of: str = SUPPLIER, channel: str = "IF-021", **wishes: Any) -> Reply:
    return await dip.participants[caller].call(replay_path(of, channel), ask(**wishes))


def read(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200, (reply.status, reply.body[:2000])
    messages: list[dict[str, Any]] = msgspec.json.decode(reply.body)
    return messages


def list_first_ids(messages: list[dict[str, Any]]) -> list[str]:
    return [message["initialD0"]["transactionID"] for message in messages]


async def start_afresh() -> str:
    """A time of which every later message is known to be later."""
    now = datetime.now(UTC).replace(microsecond=0)
    await asyncio.sleep(1.05 - datetime.now(UTC).microsecond / 1e6)
    assert datetime.now(UTC) > now
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


async def send_and_wait(dip: Dip, inboxes: Inboxes, count: int, **options: Any) -> list[str]:
    transactions = await send(dip, count, **options)
    await inboxes[SUPPLIER].wait_for(*transactions)
    return transactions


class TestByTransactionIds:
    async def test_a_message_comes_again_under_a_new_id_with_its_first_wrapper(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send_and_wait(dip, inboxes, 1)
        [first] = inboxes[SUPPLIER].arrivals[transaction]
        [again] = read(await replay(dip, transactionIDs=[transaction]))
        assert again["initialD0"] == first.common["D0"]
        d0 = again["payload"]["CommonBlock"].pop("D0")
        assert d0 == {
            **again["initialD0"],
            "transactionID": d0["transactionID"],
            "replayIndicator": True,
        }
        found = find_transaction(d0["transactionID"])
        assert found is not None and found.replay
        assert strip_replay_prefix(d0["transactionID"]) == transaction
        expected = {**first.message["payload"]["CommonBlock"]}
        expected.pop("D0")
        assert again["payload"]["CommonBlock"] == expected
        assert again["payload"]["CustomBlock"] == first.message["payload"]["CustomBlock"]

    async def test_it_passes_the_schema_of_its_channel(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send_and_wait(dip, inboxes, 1)
        reply = await replay(dip, transactionIDs=[transaction])
        decoder = catalogue.compile_channel(load_release().channels["IF-021"], load_release())
        [raw] = msgspec.json.decode(reply.body, type=list[msgspec.Raw])
        decoder.decode(raw)

    async def test_a_workflow_s_correlation_id_has_the_prefix_too(self, dip: Dip, inboxes: Inboxes):
        message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
        [transaction] = assert_accepted(await dip.participants[SUPPLIER].send("IF-031", [message]))
        [first] = await inboxes[REGISTRATION].wait_for(transaction)
        [again] = read(await replay(dip, REGISTRATION, REGISTRATION, "IF-031", transactionIDs=[transaction]))
        d0 = again["payload"]["CommonBlock"]["D0"]
        prefix = d0["transactionID"][:11]
        assert d0["initialCorrelationID"] == prefix + first.common["D0"]["initialCorrelationID"]

    async def test_they_come_in_the_order_of_time_each_once_and_a_replayed_id_is_understood(
        self, dip: Dip, inboxes: Inboxes
    ):
        transactions = [*await send_and_wait(dip, inboxes, 2), *await send_and_wait(dip, inboxes, 2)]
        [replayed] = read(await replay(dip, transactionIDs=transactions[:1]))
        wanted = [*reversed(transactions), transactions[2], replayed["payload"]["CommonBlock"]["D0"]["transactionID"]]
        assert list_first_ids(read(await replay(dip, transactionIDs=wanted))) == transactions

    async def test_each_replay_has_a_number_of_its_own(self, dip: Dip, inboxes: Inboxes):
        transactions = await send_and_wait(dip, inboxes, 1)
        ids = [read(await replay(dip, transactionIDs=transactions))[0]["payload"]["CommonBlock"]["D0"] for _ in "12"]
        assert ids[0]["transactionID"] != ids[1]["transactionID"]

    async def test_what_the_recipient_was_not_sent_is_simply_not_there(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send_and_wait(dip, inboxes, 1)
        message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
        [other] = assert_accepted(await dip.participants[SUPPLIER].send("IF-031", [message]))
        wanted = ["T-IF-021-0000000000-SDS-20260321-00000000000100001", "nonsense", other, transaction]
        assert list_first_ids(read(await replay(dip, transactionIDs=wanted))) == [transaction]
        assert read(await replay(dip, OTHER_SUPPLIER, OTHER_SUPPLIER, transactionIDs=wanted)) == []
        assert list_first_ids(read(await replay(dip, DISTRIBUTOR, DISTRIBUTOR, transactionIDs=wanted))) == [transaction]


class TestByTime:
    async def test_all_from_then_on_in_the_order_they_were_accepted(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        transactions = [t for count in (3, 1, 2) for t in await send_and_wait(dip, inboxes, count)]
        assert list_first_ids(read(await replay(dip, datetimeFrom=start))) == transactions
        assert read(await replay(dip, OTHER_SUPPLIER, OTHER_SUPPLIER, datetimeFrom=start)) == []

    async def test_up_to_the_second_asked_for(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        [first] = await send_and_wait(dip, inboxes, 1)
        later = await start_afresh()
        [second] = await send_and_wait(dip, inboxes, 1)
        at = inboxes[SUPPLIER].arrivals[first][0].common["D0"]["transactionTimestamp"]
        assert list_first_ids(read(await replay(dip, datetimeFrom=start, datetimeTo=at))) == [first]
        assert list_first_ids(read(await replay(dip, datetimeFrom=later))) == [second]

    async def test_a_message_in_two_roles_comes_once(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        transactions = await send(dip, 2, mpan=BOTH_MPAN)
        for transaction in transactions:
            await inboxes[BOTH].wait_for_roles(transaction, "SUP", "LDSO")
        assert list_first_ids(read(await replay(dip, BOTH, BOTH, datetimeFrom=start))) == transactions

    async def test_by_metering_point_event_code_and_version(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        [one] = await send_and_wait(dip, inboxes, 1, mpan=MPANS[1])
        [two] = await send_and_wait(dip, inboxes, 1, mpan=MPANS[2])

        async def find(**wishes: Any) -> list[str]:
            return list_first_ids(read(await replay(dip, datetimeFrom=start, **wishes)))

        assert await find(MPAN=MPANS[1]) == [one]
        assert await find(MPAN=MPANS[3]) == []
        assert await find(eventCode="ActivePower") == await find(eventCode="[ActivePower]") == [one, two]
        assert await find(eventCode="ReactivePower") == []
        assert await find(version="011") == [one, two]
        assert await find(version="010") == []
        assert await find(version="011", MPAN=MPANS[2], eventCode="ActivePower") == [two]
        assert await find(version="010", MPAN=MPANS[2], eventCode="ActivePower") == []
        ids = [one, two]
        assert list_first_ids(read(await replay(dip, transactionIDs=ids, MPAN=MPANS[2], version="011"))) == [two]

    async def test_with_ids_the_earliest_start_and_the_latest_end_win(self, dip: Dip, inboxes: Inboxes):
        first, between, last = [(await send_and_wait(dip, inboxes, 1))[0] for _ in range(3)]
        late = await start_afresh()
        [beyond] = await send_and_wait(dip, inboxes, 1)
        reply = await replay(dip, datetimeFrom=late, datetimeTo=None, transactionIDs=[last, first])
        # FS 5.5.11: an end that is given by an id is an end.
        assert set(list_first_ids(read(reply))) >= {first, between, last}
        assert beyond not in list_first_ids(read(reply))
        to = await start_afresh()
        reply = await replay(dip, datetimeTo=to, transactionIDs=[between])
        assert set(list_first_ids(read(reply))) >= {between, last, beyond}

    async def test_more_than_fits_is_continued(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        transactions = [t for count in (2, 6, 1) for t in await send_and_wait(dip, inboxes, count)]
        body, caller, found = ask(datetimeFrom=start), dip.participants[SUPPLIER], []
        sizes, token, headers = [], "", {}
        while True:
            reply = await caller.call(replay_path(SUPPLIER), body, base=dip.strict_base, headers=headers)
            assert reply.status in (200, 206), reply.body
            messages = msgspec.json.decode(reply.body)
            found += list_first_ids(messages)
            sizes.append(len(messages))
            if reply.status == 200:
                break
            token = reply.headers["x-continuation-token"]
            headers = {"X-Continuation-Token": token}
        assert found == transactions
        # A page that had others than the wanted to look at may hold few or none of them.
        assert max(sizes) == 3
        other = ask(datetimeFrom=start, eventCode="ActivePower")
        for body in (other,):
            reply = await caller.call(replay_path(SUPPLIER), body, headers={"X-Continuation-Token": token})
            assert_refused(reply, 400, "MSG1001", "X-Continuation-Token")


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"", "cannot be read"),
            (b"[]", "cannot be read"),
            (b'{"datetimeFrom": null}', "datetimeTo"),
            (ask(), "datetimeFrom"),
            (ask(datetimeTo="2026-03-21T00:00:00+00:00"), "datetimeFrom"),
            (ask(MPAN="2000000000000"), "datetimeFrom"),
            (ask(datetimeFrom="2026-03-21"), "datetimeFrom"),
            (ask(datetimeFrom="2026-02-30T00:00:00+00:00"), "25 characters"),
            (ask(datetimeFrom="2026-03-21T00:00:00+00:00", datetimeTo="2026-03-20T00:00:00+00:00"), "before"),
            (ask(datetimeFrom="2026-03-21T00:00:00+00:00", MPAN="12"), "MPAN must be text of 13 digits"),
            (ask(datetimeFrom="2026-03-21T00:00:00+00:00", since=1), "no others: datetimeFrom"),
            (ask(transactionIDs=[]), "transactionIDs"),
            (ask(transactionIDs=["x"] * 101), "transactionIDs"),
            (ask(transactionIDs=["x" * 66]), "transactionIDs"),
        ],
    )
    async def test_a_request_that_cannot_be_done_says_what_to_mend(self, dip: Dip, body: bytes, says: str):
        for what in ("replay", "requeue"):
            reply = await dip.participants[SUPPLIER].call(replay_path(SUPPLIER, what=what), body)
            assert_refused(reply, 400, "MSG1001", says)

    async def test_years_at_the_end_of_time_are_no_fault(self, dip: Dip):
        for start in ("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"):
            reply = await replay(dip, METERING, METERING, "IF-037", datetimeFrom=start, datetimeTo=None)
            assert reply.status in (200, 400), reply.body
        reply = await replay(dip, datetimeFrom="9999-12-31T23:59:58+00:00", datetimeTo="9999-12-31T23:59:59+00:00")
        assert read(reply) == []

    async def test_a_provider_may_and_strangers_may_not(self, dip: Dip, inboxes: Inboxes):
        message = draft(
            "IF-033",
            "DSAppSPRequest",
            sender=REGISTRATION,
            role="REGS",
            primary_recipients=[DATA],
            correlation_id="CI-20260321-00000000004d00003",
        )
        [transaction] = assert_accepted(await dip.participants[REGISTRATION].send("IF-033", [message]))
        await inboxes[DATA].wait_for_roles(transaction, "SDS", "ADS")
        wishes = {"channel": "IF-033", "transactionIDs": [transaction]}
        assert list_first_ids(read(await replay(dip, PROVIDER, DATA, **wishes))) == [transaction]
        for caller, recipient in ((OTHER_SUPPLIER, DATA), (OTHER_PROVIDER, DATA), (DATA, "9999999999")):
            assert_refused(await replay(dip, caller, recipient, **wishes), 403, "MSG1011", "not yours")

    async def test_channels_and_methods_there_are_not(self, dip: Dip):
        caller = dip.participants[SUPPLIER]
        assert (await caller.call(replay_path(SUPPLIER, "IF-999"), ask())).status == 404
        for method in ("GET", "HEAD", "DELETE"):
            assert (await caller.call(replay_path(SUPPLIER), method=method)).status == 405
        assert (await caller.call(replay_path(SUPPLIER, what="requeueStatus"), method="HEAD")).status == 405


class TestManyAtATime:
    async def test_a_third_replay_of_an_organisation_has_to_wait(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        await send_and_wait(dip, inboxes, 1)
        # What holds the table holds the replays, and with them their places.
        async with dip.pool.acquire() as connection, connection.transaction():
            await connection.execute("lock table queue in access exclusive mode")
            waiting = [asyncio.create_task(replay_strictly(dip, datetimeFrom=start)) for _ in range(3)]
            done, held = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        [refused] = [task.result() for task in done]
        assert_refused(refused, 429, "MSG1000", "under way")
        assert int(refused.headers["retry-after"]) > 0
        assert all(reply.status in (200, 206) for reply in await asyncio.gather(*held))
        assert (await replay_strictly(dip, datetimeFrom=start)).status != 429

    async def test_a_place_is_free_again_when_the_caller_goes_away(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        await send_and_wait(dip, inboxes, 1)
        async with dip.pool.acquire() as connection, connection.transaction():
            await connection.execute("lock table queue in access exclusive mode")
            leaving = [asyncio.create_task(replay_strictly(dip, datetimeFrom=start)) for _ in range(2)]
            await eventually(lambda: count_locked(dip, 2), "both wait for the table")
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)

        async def try_again() -> bool:
            # A page that had many others to look at may be a part: 206.
            return (await replay_strictly(dip, datetimeFrom=start)).status in (200, 206)

        await eventually(try_again, "there is a place again")


async def replay_strictly(dip: Dip, **wishes: Any) -> Reply:
    """At the API that is one process."""
    return await dip.participants[SUPPLIER].call(replay_path(SUPPLIER), ask(**wishes), base=dip.strict_base)


async def count_locked(dip: Dip, count: int) -> bool:
    query = """select count(*) from pg_stat_activity
        where wait_event_type = 'Lock' and application_name = 'dip api' and query like '%from queue where dip_id%'"""
    async with dip.pool.acquire() as connection:
        return bool(await connection.fetchval(query) >= count)


async def test_the_command_writes_a_message_a_line(dip: Dip, inboxes: Inboxes, tmp_path: Path):
    start = await start_afresh()
    transactions = await send_and_wait(dip, inboxes, 2)
    file = tmp_path / "again.jsonl"
    common = ["IF-021", "--as", str(dip.credentials / SUPPLIER), "--to", dip.base, "--from", start[:19]]
    code, said = await run_dip("replay", *common, "--out", str(file))
    assert (code, said) == (0, f"2 messages in {file}\n")
    assert list_first_ids([msgspec.json.decode(line) for line in file.read_bytes().splitlines()]) == transactions
    code, said = await run_dip("requeue", *common)
    assert code == 0
    assert "2 messages are on the queue" in said
    code, said = await run_dip("requeue", *common[:5], "--transaction", transactions[0])
    assert (code, said) == (0, "They are on the queue.\n")


async def run_dip(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "opendip", *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()
