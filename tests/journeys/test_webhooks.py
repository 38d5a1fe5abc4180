"""Webhooks are set and taken away by whoever receives, or by its connection provider (E2E 4.6, 4.8)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from opendip.store.alarms import AlarmKind, clear_alarms, list_alarms, raise_alarm
from tests.journeys.answers import Reply, assert_accepted, assert_refused
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.inboxes import Inbox
from tests.journeys.market import (
    DATA,
    METERING,
    OTHER_PROVIDER,
    PROVIDER,
    QUIET,
    QUIET_MPAN,
    REGISTRATION,
    SETTLEMENT,
    SUPPLIER,
)
from tests.journeys.participants import Participant, get_path
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import count_waiting


def path_of(channel: str, recipient: str) -> str:
    return f"{get_path(channel)}/pubconfig/{recipient}"


def status_path_of(recipient: str) -> str:
    return f"/2.1.0/statusmessage/config/{recipient}"


def config(url: Any, **limits: Any) -> bytes:
    return msgspec.json.encode({"callbackURL": url, **limits})


async def find_webhook(dip: Dip, recipient: str, channel: str) -> tuple[str, int | None, int | None] | None:
    async with dip.pool.acquire() as connection:
        query = "select url, max_message_count, max_payload_bytes from webhook where dip_id = $1 and channel = $2"
        row = await connection.fetchrow(query, recipient, channel)
    return tuple(row) if row else None


def assert_done(reply: Reply, recipient: str) -> None:
    assert reply.status == 201, reply.body
    assert reply.entry["message"] == "MSG0000 - Success"
    assert reply.entry["recipientID"] == recipient


class TestSetting:
    async def test_a_participant_sets_replaces_and_deletes_its_own(self, dip: Dip):
        caller, path = dip.participants[SUPPLIER], path_of("IF-013", SUPPLIER)
        assert_done(await caller.call(path, config("https://hooks.example.org/a")), SUPPLIER)
        assert await find_webhook(dip, SUPPLIER, "IF-013") == ("https://hooks.example.org/a", None, None)
        limits = {"maxMessageCount": 500, "maxPayloadSize": 1000.0}
        assert_done(await caller.call(path, config("https://hooks.example.org/b", **limits)), SUPPLIER)
        # E2E 4.6.2: the size is in kB.
        assert await find_webhook(dip, SUPPLIER, "IF-013") == ("https://hooks.example.org/b", 500, 1_000_000)
        for _ in range(2):
            reply = await caller.call(path, method="DELETE")
            assert (reply.status, reply.body) == (204, b"")
            assert await find_webhook(dip, SUPPLIER, "IF-013") is None

    async def test_one_webhook_takes_the_status_messages_of_all_channels(self, dip: Dip):
        caller, path = dip.participants[QUIET], status_path_of(QUIET)
        assert_done(await caller.call(path, config("https://hooks.example.org/status")), QUIET)
        assert await find_webhook(dip, QUIET, "STATUS") == ("https://hooks.example.org/status", None, None)
        assert (await caller.call(path, b"{}", "DELETE")).status == 204
        assert await find_webhook(dip, QUIET, "STATUS") is None

    async def test_a_connection_provider_sets_those_of_whoever_nominated_it(self, dip: Dip):
        caller, path = dip.participants[PROVIDER], path_of("IF-064", DATA)
        before = await find_webhook(dip, DATA, "IF-064")
        assert_done(await caller.call(path, config("https://hooks.example.org/provided")), PROVIDER)
        assert await find_webhook(dip, DATA, "IF-064") == ("https://hooks.example.org/provided", None, None)
        assert before is not None
        assert_done(await dip.participants[DATA].call(path, config(before[0])), DATA)

    @pytest.mark.parametrize("caller", [SUPPLIER, OTHER_PROVIDER, METERING])
    async def test_nobody_sets_anothers(self, dip: Dip, caller: str):
        for path in (path_of("IF-064", DATA), status_path_of(DATA)):
            before = await find_webhook(dip, DATA, "IF-064"), await find_webhook(dip, DATA, "STATUS")
            for method, body in (("POST", config("https://hooks.example.org/stolen")), ("DELETE", b"")):
                reply = await dip.participants[caller].call(path, body, method)
                assert_refused(reply, 403, "MSG1011", "not yours, nor has it nominated you")
            assert (await find_webhook(dip, DATA, "IF-064"), await find_webhook(dip, DATA, "STATUS")) == before

    async def test_an_unknown_recipient_is_refused_like_a_strangers(self, dip: Dip):
        for recipient in ("9999999999", "x", "%00"):
            reply = await dip.participants[SUPPLIER].call(path_of("IF-021", recipient), config("https://example.org/"))
            assert_refused(reply, 403, "MSG1011", "not yours, nor has it nominated you")

    async def test_a_channel_that_goes_to_none_of_its_roles_is_refused(self, dip: Dip):
        path = path_of("IF-061", SUPPLIER)
        reply = await dip.participants[SUPPLIER].call(path, config("https://hooks.example.org/a"))
        assert_refused(reply, 403, "MSG1010", "no role that IF-061 goes to: MDR")

    async def test_an_unknown_channel_is_refused(self, dip: Dip):
        path = path_of("if-021", SUPPLIER)
        reply = await dip.participants[SUPPLIER].call(path, config("https://hooks.example.org/a"))
        assert_refused(reply, 404, "MSG1002", "No channel has this id")

    async def test_a_call_that_is_not_signed_sets_nothing(self, dip: Dip):
        path = path_of("IF-013", SUPPLIER)
        body = config("https://hooks.example.org/unsigned")
        reply = await dip.participants[SUPPLIER].call(path, body, without=["X-DIP-Signature"])
        assert_refused(reply, 401, "MSG1000", "X-DIP-Signature is missing")
        assert await find_webhook(dip, SUPPLIER, "IF-013") is None


class TestPausing:
    async def test_a_pause_keeps_messages_back_and_a_resume_lets_all_of_them_go_in_order(self, dip: Dip):
        caller, inbox = dip.participants[REGISTRATION], dip.inboxes[REGISTRATION]
        path = path_of("IF-031", REGISTRATION)
        assert_done(await caller.call(f"{path}/pause"), REGISTRATION)
        transactions = [await send_appointment(dip) for _ in range(3)]
        await eventually(lambda: is_waiting(dip, REGISTRATION, "IF-031"), "the messages wait")
        assert not inbox.arrivals.keys() & set(transactions)
        assert_done(await caller.call(f"{path}/resume", b"{}"), REGISTRATION)
        await inbox.wait_for(*transactions)
        assert [t for t in inbox.arrivals if t in transactions] == transactions

    async def test_what_was_paused_stays_so_when_it_is_set_again(self, dip: Dip):
        caller, path = dip.participants[SUPPLIER], path_of("IF-013", SUPPLIER)
        url = config("https://hooks.example.org/a", maxMessageRate=5)
        assert_done(await caller.call(path, url), SUPPLIER)
        for _ in range(2):
            assert_done(await caller.call(f"{path}/pause"), SUPPLIER)
        since = await find_pause(dip, SUPPLIER, "IF-013")
        reply = await caller.call(path, url)
        assert_done(reply, SUPPLIER)
        assert "paused since" in reply.entry["help"]
        assert await find_pause(dip, SUPPLIER, "IF-013") == since is not None
        for _ in range(2):
            assert_done(await caller.call(f"{path}/resume"), SUPPLIER)
            assert await find_pause(dip, SUPPLIER, "IF-013") is None
        reply = await caller.call(path, url)
        assert reply.entry["help"] is None
        assert (await caller.call(path, method="DELETE")).status == 204

    async def test_the_webhook_of_status_messages_can_be_paused_too(self, dip: Dip):
        caller, path = dip.participants[QUIET], status_path_of(QUIET)
        assert_done(await caller.call(path, config("https://hooks.example.org/status")), QUIET)
        assert_done(await caller.call(f"{path}/pause"), QUIET)
        assert await find_pause(dip, QUIET, "STATUS") is not None
        assert_done(await caller.call(f"{path}/resume"), QUIET)
        assert await find_pause(dip, QUIET, "STATUS") is None
        assert (await caller.call(path, method="DELETE")).status == 204

    @pytest.mark.parametrize("step", ["pause", "resume"])
    async def test_where_there_is_no_webhook_there_is_nothing_to_pause(self, dip: Dip, step: str):
        for path in (path_of("IF-013", QUIET), status_path_of(QUIET)):
            reply = await dip.participants[QUIET].call(f"{path}/{step}")
            assert_refused(reply, 404, "MSG1000", "has no webhook here")

    @pytest.mark.parametrize("step", ["pause", "resume"])
    @pytest.mark.parametrize("caller", [SUPPLIER, OTHER_PROVIDER, METERING])
    async def test_nobody_pauses_anothers(self, dip: Dip, caller: str, step: str):
        for path in (path_of("IF-064", DATA), status_path_of(DATA)):
            reply = await dip.participants[caller].call(f"{path}/{step}")
            assert_refused(reply, 403, "MSG1011", "not yours, nor has it nominated you")
        assert await find_pause(dip, DATA, "IF-064") is None

    async def test_a_connection_provider_pauses_those_of_whoever_nominated_it(self, dip: Dip):
        caller, path = dip.participants[PROVIDER], path_of("IF-064", DATA)
        assert_done(await caller.call(f"{path}/pause"), PROVIDER)
        assert await find_pause(dip, DATA, "IF-064") is not None
        assert_done(await caller.call(f"{path}/resume"), PROVIDER)

    async def test_to_resume_ends_the_alarm_of_a_stopped_queue(self, dip: Dip):
        path = path_of("IF-031", REGISTRATION)
        subject = f"{REGISTRATION} IF-031"
        async with dip.pool.acquire() as connection:
            await raise_alarm(connection, AlarmKind.QUEUE_STOPPED, subject, "It answered 403.", datetime.now(UTC))
            await raise_alarm(connection, AlarmKind.QUEUE_STOPPED, "another", "It answered 403.", datetime.now(UTC))
        assert_done(await dip.participants[REGISTRATION].call(f"{path}/resume"), REGISTRATION)
        async with dip.pool.acquire() as connection:
            lasting = {alarm.subject for alarm in await list_alarms(connection)}
            await clear_alarms(connection, None, "another", datetime.now(UTC))
        assert "another" in lasting
        assert subject not in lasting


class TestRate:
    async def test_a_rate_bounds_each_delivery_and_spaces_them_out(self, dip: Dip):
        caller, inbox = dip.participants[REGISTRATION], dip.inboxes[REGISTRATION]
        path, rate, count = path_of("IF-031", REGISTRATION), 5, 12
        before = await find_webhook(dip, REGISTRATION, "IF-031")
        assert before is not None
        assert_done(await caller.call(path, config(before[0], maxMessageRate=rate)), REGISTRATION)
        messages = [draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP") for _ in range(count)]
        transactions = assert_accepted(await dip.participants[SUPPLIER].send("IF-031", messages), count)
        arrivals = await inbox.wait_for(*transactions)
        assert [t for t in inbox.arrivals if t in transactions] == transactions
        assert {len(inbox.arrivals[t]) for t in transactions} == {1}
        assert max(arrival.batch for arrival in arrivals) <= rate
        assert_done(await caller.call(path, config(before[0])), REGISTRATION)
        await eventually(lambda: count_waiting(dip, REGISTRATION, 0, "IF-031"), "all answers are recorded")
        posts = (await list_posts(dip, REGISTRATION, "IF-031"))[-3:]
        assert sum(post[0] for post in posts) == count
        # A slow machine only makes the gaps longer. A thousandth less, for the database counts in microseconds.
        for (size, at), (_, next_at) in pairwise(posts):
            assert next_at - at >= timedelta(seconds=size / rate) * 0.999


class TestForm:
    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("http://hooks.example.org/a", "must begin with https://"),
            ("ftp://hooks.example.org/a", "must begin with https://"),
            ("hooks.example.org/a", "must begin with https://"),
            ("https://user:secret@hooks.example.org/a", "must not hold a user name or a password"),
            ("https://user@hooks.example.org/a", "must not hold a user name or a password"),
            ("https://hooks.example.org/a#part", "must not hold a fragment"),
            ("https://hooks.example.org/" + "a" * 3000, "longer than"),
            ("https:///a", "names no host"),
            ("https://hooks.example.org:0/a", "port"),
            ("https://hooks.example.org:99999/a", "cannot be read"),
            ("https://hooks.example.org/a b", "no URL may hold"),
            ("https://hooks.example.org/\r\nX-Evil: 1", "no URL may hold"),
            ("https://2130706433/a", "looks like a number"),
            (None, "callbackURL"),
            (5, "callbackURL"),
            (["https://hooks.example.org/a"], "callbackURL"),
        ],
    )
    async def test_a_url_that_cannot_be_used_leaves_the_webhook_as_it_was(self, dip: Dip, url: Any, says: str):
        path = path_of("IF-013", SUPPLIER)
        reply = await dip.participants[SUPPLIER].call(path, config(url))
        assert_refused(reply, 400, "MSG1001", says)
        assert "left as it was" in reply.entry["help"]
        assert await find_webhook(dip, SUPPLIER, "IF-013") is None

    @pytest.mark.parametrize(
        "url",
        [
            "https://127.0.0.1/a",
            "https://localhost/a",
            "https://10.0.0.1/a",
            "https://192.168.1.1/a",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[fe80::1]/a",
            "https://intranet/a",
        ],
    )
    async def test_private_addresses_are_refused_unless_the_operator_allows_them(self, dip: Dip, url: str):
        async with Participant(dip.credentials / SUPPLIER, dip.strict_base) as caller:
            reply = await caller.call(path_of("IF-013", SUPPLIER), config(url))
        assert_refused(reply, 400, "MSG1001", "this DIP takes public ones only")
        assert await find_webhook(dip, SUPPLIER, "IF-013") is None

    @pytest.mark.parametrize(
        "limits",
        [
            {"maxMessageCount": 0},
            {"maxMessageCount": -1},
            {"maxMessageCount": 1.5},
            {"maxMessageCount": 50_001},
            {"maxMessageCount": "10"},
            {"maxMessageCount": True},
            {"maxPayloadSize": 0},
            {"maxPayloadSize": 1e308},
            {"maxPayloadSize": [1]},
            {"maxMessageRate": 0},
            {"maxMessageRate": 0.5},
            {"maxMessageRate": 1_000_001},
            {"maxMessageRate": "5"},
        ],
    )
    async def test_limits_are_whole_numbers_within_reason(self, dip: Dip, limits: dict[str, Any]):
        path = path_of("IF-013", SUPPLIER)
        reply = await dip.participants[SUPPLIER].call(path, config("https://hooks.example.org/a", **limits))
        assert_refused(reply, 400, "MSG1001", next(iter(limits)))
        assert await find_webhook(dip, SUPPLIER, "IF-013") is None

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"not json", b"\xff", b"[" * 100_000])
    async def test_what_is_no_configuration_is_refused(self, dip: Dip, body: bytes):
        reply = await dip.participants[SUPPLIER].call(path_of("IF-013", SUPPLIER), body)
        assert_refused(reply, 400, "MSG1001", "left as it was")


class TestWaitingQueues:
    async def test_what_waited_for_a_webhook_is_delivered_once_it_is_set(self, dip: Dip):
        """Without a webhook messages wait; they come as soon as one is set, in both kinds of queues."""
        late = [draft(mpan=QUIET_MPAN) for _ in range(3)]
        transactions = assert_accepted(await dip.participants[DATA].send("IF-021", late), 3)
        # Central settlement has them: routing is done, and the supplier's queue has been looked at.
        await dip.inboxes[SETTLEMENT].wait_for(*transactions)
        faulty = draft("IF-024", "SN-Vacant", sender=QUIET, role="SUP", mpan=QUIET_MPAN)
        [unroutable] = assert_accepted(await dip.participants[QUIET].send("IF-024", [faulty]))
        inbox = Inbox(dip.credentials / QUIET)
        async with inbox.receiver:
            caller = dip.participants[QUIET]
            assert_done(await caller.call(path_of("IF-021", QUIET), config(f"{inbox.url}/messages")), QUIET)
            await inbox.wait_for(*transactions)
            assert_done(await caller.call(status_path_of(QUIET), config(f"{inbox.url}/status")), QUIET)
            await inbox.wait_for_status(unroutable)
            for path in (path_of("IF-021", QUIET), status_path_of(QUIET)):
                await caller.call(path, method="DELETE")

    async def test_what_failed_at_the_old_webhook_goes_to_the_new_one_at_once(self, dip: Dip):
        """Even when the pause after many failures would still be long."""
        path = path_of("IF-031", REGISTRATION)
        before = await find_webhook(dip, REGISTRATION, "IF-031")
        assert before is not None
        caller, inbox = dip.participants[REGISTRATION], dip.inboxes[REGISTRATION]
        assert_done(await caller.call(path, config("https://127.0.0.1:9/nobody")), REGISTRATION)
        message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
        transactions = assert_accepted(await dip.participants[SUPPLIER].send("IF-031", [message]))
        await eventually(lambda: has_failed(dip, REGISTRATION, "IF-031"), "a delivery has failed")
        await pause_for_long(dip, REGISTRATION)
        assert_done(await caller.call(path, config(f"{inbox.url}/elsewhere")), REGISTRATION)
        await inbox.wait_for(*transactions)
        assert inbox.calls[-1].delivery.path == "/elsewhere"
        assert_done(await caller.call(path, config(before[0])), REGISTRATION)

    async def test_a_deleted_webhook_gets_nothing_more_until_it_is_set_again(self, dip: Dip):
        path = path_of("IF-031", REGISTRATION)
        before = await find_webhook(dip, REGISTRATION, "IF-031")
        assert before is not None
        caller, inbox = dip.participants[REGISTRATION], dip.inboxes[REGISTRATION]
        assert (await caller.call(path, method="DELETE")).status == 204
        message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
        [transaction] = assert_accepted(await dip.participants[SUPPLIER].send("IF-031", [message]))
        await eventually(lambda: is_waiting(dip, REGISTRATION, "IF-031"), "the message waits")
        assert transaction not in inbox.arrivals
        assert_done(await caller.call(path, config(before[0])), REGISTRATION)
        await inbox.wait_for(transaction)


async def send_appointment(dip: Dip) -> str:
    message = draft("IF-031", "MSApp", sender=SUPPLIER, role="SUP")
    [transaction] = assert_accepted(await dip.participants[SUPPLIER].send("IF-031", [message]))
    return transaction


async def list_posts(dip: Dip, recipient: str, channel: str) -> list[tuple[int, datetime]]:
    """How many messages each carried, and when it was made."""
    query = """select (a.to_position - a.from_position + 1)::int, a.attempted_at
        from attempt a join queue q on q.id = a.queue where q.dip_id = $1 and q.channel = $2 order by a.from_position"""
    async with dip.pool.acquire() as connection:
        return [tuple(row) for row in await connection.fetch(query, recipient, channel)]


async def find_pause(dip: Dip, recipient: str, channel: str) -> datetime | None:
    async with dip.pool.acquire() as connection:
        query = "select paused_at from webhook where dip_id = $1 and channel = $2"
        return await connection.fetchval(query, recipient, channel)


async def has_failed(dip: Dip, recipient: str, channel: str) -> bool:
    query = """select p.failures > 0 from queue_progress p join queue q on q.id = p.queue
        where q.dip_id = $1 and q.channel = $2"""
    async with dip.pool.acquire() as connection:
        return bool(await connection.fetchval(query, recipient, channel))


async def pause_for_long(dip: Dip, recipient: str) -> None:
    """As if it had failed for days."""
    query = """update queue_progress p set next_attempt_at = now() + interval '1 hour'
        from queue q where q.id = p.queue and q.dip_id = $1"""
    async with dip.pool.acquire() as connection:
        await connection.execute(query, recipient)


async def is_waiting(dip: Dip, recipient: str, channel: str) -> bool:
    query = """select q.tail > p.done and p.next_attempt_at > now() and p.leased_by is null
        from queue_progress p join queue q on q.id = p.queue where q.dip_id = $1 and q.channel = $2"""
    async with dip.pool.acquire() as connection:
        return bool(await connection.fetchval(query, recipient, channel))
