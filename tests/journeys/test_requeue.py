"""What a recipient was sent, on its queue once more: at once by ids, in the background by time (E2E 4.9)."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from opendip import catalogue
from opendip.client import Credentials, Patience, ReplayRequest, RequeueStatus, Sender
from opendip.client.batches import ReceivedBatch
from opendip.domain.references import strip_replay_prefix
from opendip.store.pool import open_connection
from tests.journeys.answers import Reply, assert_refused, load_release
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.inboxes import Arrival, Inbox
from tests.journeys.market import BOTH, BOTH_MPAN, DATA, DISTRIBUTOR, MPANS, OTHER_SUPPLIER, SUPPLIER
from tests.journeys.test_kills import MortalDip, mortal  # noqa: F401 - a fixture
from tests.journeys.test_replay import ask, replay_path, send_and_wait, start_afresh
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import send

Inboxes = dict[str, Inbox]


async def requeue(dip: Dip, recipient: str = SUPPLIER, **wishes: object) -> Reply:
    return await dip.participants[recipient].call(replay_path(recipient, what="requeue"), ask(**wishes))


async def ask_status(dip: Dip, recipient: str = SUPPLIER, query: str = "") -> Reply:
    path = replay_path(recipient, what="requeueStatus") + query
    return await dip.participants[recipient].call(path, method="GET")


async def wait_until_done(dip: Dip, recipient: str = SUPPLIER) -> RequeueStatus:
    async def find() -> RequeueStatus | None:
        reply = await ask_status(dip, recipient)
        status = msgspec.json.decode(reply.body, type=RequeueStatus)
        return None if status.status == "Processing" else status

    found = await eventually(find, "the requeue is done")
    assert found is not None
    return found


def list_again(inbox: Inbox, transaction: str) -> list[Arrival]:
    """Its arrivals under the ids of replays."""
    ids = [t for t in inbox.arrivals if t != transaction and strip_replay_prefix(t) == transaction]
    return [arrival for each in ids for arrival in inbox.arrivals[each]]


async def wait_for_again(inbox: Inbox, transaction: str, times: int = 1) -> list[Arrival]:
    found = await eventually(
        lambda: again if len(again := list_again(inbox, transaction)) >= times else None, "it has come again"
    )
    assert found is not None
    return found


class TestByTransactionIds:
    async def test_they_are_delivered_again_marked_as_replayed(self, dip: Dip, inboxes: Inboxes):
        transactions = await send_and_wait(dip, inboxes, 2)
        reply = await requeue(dip, transactionIDs=transactions)
        assert reply.status == 200
        assert reply.entry["message"] == "MSG0000 - Success"
        assert reply.entry["help"].startswith("2 of")
        decoder = catalogue.compile_channel(load_release().channels["IF-021"], load_release())
        for transaction in transactions:
            [again] = await wait_for_again(inboxes[SUPPLIER], transaction)
            first = inboxes[SUPPLIER].arrivals[transaction][0]
            assert again.common["D0"]["replayIndicator"] is True
            assert again.message["initialD0"] == first.common["D0"]
            assert again.mpo == first.mpo
            decoder.decode(msgspec.json.encode(again.message))
        assert list_again(inboxes[DISTRIBUTOR], transactions[0]) == []

    async def test_each_role_that_had_it_has_it_again(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send(dip, 1, mpan=BOTH_MPAN)
        await inboxes[BOTH].wait_for_roles(transaction, "SUP", "LDSO")
        await requeue(dip, BOTH, transactionIDs=[transaction])
        again = await wait_for_again(inboxes[BOTH], transaction, 2)
        assert {a.mpo for a in again} == {f"{BOTH};SUP", f"{BOTH};LDSO"}

    async def test_the_very_same_call_sent_again_queues_nothing_again(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send_and_wait(dip, inboxes, 1)
        path, body = replay_path(SUPPLIER, what="requeue"), ask(transactionIDs=[transaction])
        signed = dip.participants[SUPPLIER].sign(path, body)
        replies = [await dip.participants[SUPPLIER].call(path, body, signed=signed) for _ in range(2)]
        replies += await asyncio.gather(*(dip.participants[SUPPLIER].call(path, body, signed=signed) for _ in range(4)))
        assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
        # Another requeue, which stands behind it in the queue, is the proof that no more is to come.
        await requeue(dip, transactionIDs=[transaction])
        assert len(await wait_for_again(inboxes[SUPPLIER], transaction, 2)) == 2

    async def test_a_refused_replay_is_told_to_the_sender_by_its_first_id(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send_and_wait(dip, inboxes, 1)

        async def refuse(batch: ReceivedBatch) -> dict[str, str]:
            return {h.transaction_id: "RCP1021 - Twice" for h in batch.headers if h.first_transaction_id == transaction}

        inboxes[SUPPLIER].answering = refuse
        await requeue(dip, transactionIDs=[transaction])
        status = await inboxes[DATA].wait_for_status(transaction)
        assert status.message == "RCP1021 - Twice"

    async def test_what_was_not_sent_is_not_queued(self, dip: Dip, inboxes: Inboxes):
        [transaction] = await send_and_wait(dip, inboxes, 1)
        reply = await requeue(dip, OTHER_SUPPLIER, transactionIDs=[transaction])
        assert reply.status == 200
        assert reply.entry["help"].startswith("0 of")


class TestByTime:
    async def test_a_range_is_queued_in_the_background_and_its_progress_told(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        transactions = await send_and_wait(dip, inboxes, 5)
        reply = await requeue(dip, datetimeFrom=start)
        assert reply.status == 202
        requeue_id = msgspec.json.decode(reply.body)["requeueId"]
        status = await wait_until_done(dip)
        assert status == RequeueStatus(100, 5, 5, "Completed")
        assert (await ask_status(dip, query=f"?requeue-id={requeue_id}")).status == 200
        for transaction in transactions:
            assert len(await wait_for_again(inboxes[SUPPLIER], transaction)) == 1

    async def test_by_metering_point_and_for_every_role(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        [transaction] = await send(dip, 1, mpan=BOTH_MPAN)
        await inboxes[BOTH].wait_for_roles(transaction, "SUP", "LDSO")
        assert (await requeue(dip, BOTH, datetimeFrom=start, MPAN=BOTH_MPAN)).status == 202
        assert await wait_until_done(dip, BOTH) == RequeueStatus(100, 2, 2, "Completed")
        assert len(await wait_for_again(inboxes[BOTH], transaction, 2)) == 2

    async def test_the_very_same_call_sent_again_starts_nothing_again(self, dip: Dip, inboxes: Inboxes):
        start = await start_afresh()
        await send_and_wait(dip, inboxes, 1)
        path, body = replay_path(DISTRIBUTOR, what="requeue"), ask(datetimeFrom=start)
        signed = dip.participants[DISTRIBUTOR].sign(path, body)
        caller = dip.participants[DISTRIBUTOR]
        replies = await asyncio.gather(*(caller.call(path, body, signed=signed) for _ in range(4)))
        await wait_until_done(dip, DISTRIBUTOR)
        replies.append(await caller.call(path, body, signed=signed))
        assert {(reply.status, reply.body) for reply in replies} == {(202, replies[0].body)}

    async def test_a_second_one_has_to_wait_for_the_first(self, dip: Dip):
        query = """insert into requeue_job (id, replay, dip_id, channel, asked_by, request, created_at)
            values (gen_random_uuid(), 1, $1, 'IF-021', $1, '{}', now() - interval '1 hour') returning id"""
        async with dip.pool.acquire() as connection, connection.transaction():
            # A job that nobody can see yet, and that is there all the same.
            job = await connection.fetchval(query, OTHER_SUPPLIER)
            asking = asyncio.create_task(requeue(dip, OTHER_SUPPLIER, datetimeFrom="2026-03-21T00:00:00+00:00"))
            await eventually(lambda: is_waiting(dip), "the call waits for the job to be there or not")
        reply = await asking
        assert_refused(reply, 429, "MSG1000", "under way")
        assert int(reply.headers["retry-after"]) > 0
        status = await wait_until_done(dip, OTHER_SUPPLIER)
        # Its request says nothing: it fails, and the operator hears of it.
        assert status.status == "Failed"
        async with dip.pool.acquire() as connection:
            text = await connection.fetchval("select text from alarm where kind = 'requeue-failed'")
        assert OTHER_SUPPLIER in text
        assert (await ask_status(dip, OTHER_SUPPLIER, f"?requeue-id={job}")).status == 200

    async def test_of_none_there_is_no_status(self, dip: Dip):
        reply = await ask_status(dip, SUPPLIER, "?requeue-id=00000000-0000-4000-8000-000000000000")
        assert (reply.status, reply.body) == (204, b"")
        assert_refused(await ask_status(dip, SUPPLIER, "?requeue-id=mine"), 400, "MSG1001", "requeue-id")


async def is_waiting(dip: Dip) -> bool:
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%into requeue_job%'"
    async with dip.pool.acquire() as connection:
        return bool(await connection.fetchval(query))


class TestDeaths:
    async def test_whoever_is_killed_each_message_is_queued_once(self, mortal: MortalDip):  # noqa: F811
        random, patience = Random(20260321), Patience(1000, timedelta(milliseconds=20), timedelta(milliseconds=200))
        workers = (mortal.worker, mortal.other_worker)
        for worker in workers:
            await worker.stop()
            worker.settings["DIP_REQUEUED_AT_A_TIME"] = "2"
            worker.launch()
        start = datetime.now(UTC)
        async with Sender(Credentials.load(mortal.credentials / DATA), mortal.base, patience=patience) as sender:
            answers = [
                await sender.send("IF-021", [draft(mpan=random.choice(MPANS), periods=2) for _ in range(3)])
                for _ in range(60)
            ]
        transactions = [entry.transactionID or "" for answer in answers for entry in answer.entries]
        await mortal.inboxes[SUPPLIER].wait_for(*transactions)
        async with Sender(Credentials.load(mortal.credentials / SUPPLIER), mortal.base, patience=patience) as sender:
            requeue_id = await sender.requeue("IF-021", ReplayRequest(since=start))
            deaths = 0
            while True:
                status = await sender.get_requeue_status("IF-021", requeue_id)
                assert status is not None
                if status.status != "Processing":
                    break
                if deaths < 8 and status.processedTransactions >= deaths * 20:
                    await workers[deaths % 2].kill()
                    workers[deaths % 2].launch()
                    deaths += 1
        assert status == RequeueStatus(100, len(transactions), len(transactions), "Completed")
        assert deaths > 2
        query = """select count(*), count(distinct (submission, m)) from queue_entry, unnest(members) as m
            where replay is not null"""
        async with open_connection(mortal.postgres.url) as connection:
            assert tuple(await connection.fetchrow(query)) == (len(transactions), len(transactions))
        for transaction in transactions:
            await wait_for_again(mortal.inboxes[SUPPLIER], transaction)
