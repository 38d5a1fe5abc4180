"""Every answer a recipient can give, row by row of E2E 4.6.6.1, with what the DIP does next and who is told."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from aiohttp import web

from opendip.client import Credentials
from tests.journeys.conftest import Dip
from tests.journeys.inboxes import Inbox
from tests.journeys.market import DATA, QUIET, QUIET_MPAN
from tests.journeys.participants import get_path
from tests.journeys.processes import find_free_port
from tests.journeys.waiting import eventually
from tests.journeys.webhooks import count_waiting, odd_server, send, set_webhook

Answering = Callable[[web.Request, list[str]], Awaitable[web.StreamResponse]]


async def take(_: web.Request, __: list[str]) -> web.StreamResponse:
    return web.Response(status=201)


def answer(status: int, body: bytes = b"", **headers: str) -> Answering:
    async def respond(_: web.Request, __: list[str]) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={n.replace("_", "-"): v for n, v in headers.items()})

    return respond


def first(*answers: Answering) -> Answering:
    """These, one after the other; then everything is taken."""
    waiting = list(answers)

    async def respond(request: web.Request, ids: list[str]) -> web.StreamResponse:
        return await (waiting.pop(0) if waiting else take)(request, ids)

    return respond


@dataclass
class Line:
    """The recipient at the end of a queue that nothing else is on: what came, and what it answers."""

    dip: Dip
    port: int
    answering: Answering = take
    posts: list[list[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/messages"

    async def respond(self, request: web.Request) -> web.StreamResponse:
        ids = [m["payload"]["CommonBlock"]["D0"]["transactionID"] for m in json.loads(await request.read())]
        self.posts.append(ids)
        return await self.answering(request, ids)

    async def open(self, count: int = 3, **limits: int) -> list[str]:
        """So many messages wait when the webhook is set, so that they go together."""
        transactions = await send(self.dip, count, mpan=QUIET_MPAN)
        await eventually(lambda: count_waiting(self.dip, QUIET, count), "all messages wait")
        await self.mend(**limits)
        return transactions

    async def mend(self, **limits: int) -> None:
        """Sets the webhook, again."""
        await set_webhook(self.dip, QUIET, self.url, **limits)

    async def is_empty(self) -> bool:
        return await count_waiting(self.dip, QUIET, 0)

    async def fetch(self, query: str) -> list[tuple[object, ...]]:
        """Of this queue: `{queue}` stands for it."""
        which = f"(select id from queue where dip_id = '{QUIET}' and channel = 'IF-021')"
        async with self.dip.pool.acquire() as connection:
            return [tuple(row) for row in await connection.fetch(query.format(queue=which))]

    async def has_stopped(self) -> bool:
        return await self.fetch("select 1 from queue_progress where queue = {queue} and stopped_at is not null") != []

    async def list_alarms(self) -> set[object]:
        query = f"select kind from alarm where subject = '{QUIET} IF-021' and cleared_at is null"
        return {kind for (kind,) in await self.fetch(query)}


@pytest.fixture
async def line(dip: Dip) -> AsyncIterator[Line]:
    line = Line(dip, find_free_port())
    context = Credentials.load(dip.credentials / QUIET).ssl_context_for_server()
    async with odd_server(context, line.port, line.respond):
        yield line
        line.answering = take
        await line.mend()
        await eventually(line.is_empty, "nothing waits any more")
    path = f"{get_path('IF-021')}/pubconfig/{QUIET}"
    assert (await dip.participants[QUIET].call(path, method="DELETE")).status == 204


async def test_201_everything_has_arrived_whatever_the_body_says(line: Line):
    line.answering = answer(201, b"<html>thank you")
    transactions = await line.open()
    await eventually(line.is_empty, "it is delivered")
    assert line.posts == [transactions]


class TestRefusedWhole:
    """400, 405, 406: not retried, and the senders are told."""

    @pytest.mark.parametrize("status", [400, 405, 406])
    async def test_it_is_not_sent_again_and_every_sender_is_told(
        self, line: Line, inboxes: dict[str, Inbox], status: int
    ):
        line.answering = answer(status, b"<html>no")
        transactions = await line.open()
        for transaction in transactions:
            told = await inboxes[DATA].wait_for_status(transaction)
            assert (told.code, told.senderID, told.recipientID) == ("RCP1000", QUIET, DATA)
        await eventually(line.is_empty, "nothing waits any more")
        assert line.posts == [transactions]
        query = "select kind, owner, code from dead_letter where queue = {queue} order by id desc limit 3"
        assert await line.fetch(query) == [("refused", "business", "RCP1000")] * 3

    async def test_it_is_told_in_the_recipients_words_message_by_message_where_it_has_them(
        self, line: Line, inboxes: dict[str, Inbox]
    ):
        async def refuse(_: web.Request, ids: list[str]) -> web.StreamResponse:
            general = {"transactionID": None, "message": "RCP1001 - Schema Failure", "help": "nul \0"}
            special = {"transactionID": ids[1], "message": "RCP1061 - MPAN Invalid or Unknown"}
            return web.json_response({"messageArray": [general, special]}, status=400)

        line.answering = refuse
        transactions = await line.open()
        told = [await inboxes[DATA].wait_for_status(t) for t in transactions]
        assert [status.code for status in told] == ["RCP1001", "RCP1061", "RCP1001"]


class TestStopping:
    """Not retried, nobody told but the operator: the queue stops, its messages stay."""

    @pytest.mark.parametrize("status", [401, 403, 404, 402, 418, 505, 511, 200, 204, 301, 307])
    async def test_the_queue_stops_until_the_webhook_is_set_again(self, line: Line, status: int):
        line.answering = answer(status, b"", Location=line.url)
        transactions = await line.open()
        await eventually(line.has_stopped, "the queue has stopped")
        assert line.posts == [transactions], "neither retried nor redirected"
        assert "queue-stopped" in await line.list_alarms()
        line.answering = take
        await line.mend()
        await eventually(line.is_empty, "after the mending everything goes")
        assert line.posts == [transactions, transactions]
        assert await line.list_alarms() == set()

    async def test_no_sender_is_told(self, line: Line, inboxes: dict[str, Inbox]):
        line.answering = answer(403)
        transactions = await line.open()
        await eventually(line.has_stopped, "the queue has stopped")
        # What is sent later is told of later: when its news is there, news of the first would have been there.
        line.answering = first(answer(400))
        await line.mend()
        await inboxes[DATA].wait_for_status(transactions[0])
        assert [e.transactionID for e in inboxes[DATA].statuses].count(transactions[0]) == 1

    async def test_other_queues_go_on(self, line: Line, inboxes: dict[str, Inbox]):
        line.answering = answer(401)
        await line.open()
        await eventually(line.has_stopped, "the queue has stopped")
        await inboxes["2300000012"].wait_for(*await send(line.dip, 2))


class TestTooLarge:
    """413: smaller and smaller batches are tried; a single message that is too large stops the queue."""

    async def test_smaller_batches_pass(self, line: Line):
        async def take_two(_: web.Request, ids: list[str]) -> web.StreamResponse:
            return web.Response(status=201 if len(ids) <= 2 else 413)

        line.answering = take_two
        transactions = await line.open(9)
        await eventually(line.is_empty, "all is delivered")
        sizes = [len(post) for post in line.posts]
        assert sizes == [9, 4, 2, 2, 2, 2, 1]
        assert [t for post in line.posts[2:] for t in post] == transactions

    async def test_one_message_that_is_too_large_stops_the_queue(self, line: Line):
        line.answering = answer(413)
        await line.open(4)
        await eventually(line.has_stopped, "the queue has stopped")
        assert [len(post) for post in line.posts] == [4, 2, 1]

    async def test_a_webhook_set_again_gets_large_batches_again(self, line: Line):
        line.answering = first(answer(413))
        await line.open(4)
        await eventually(line.is_empty, "all is delivered")
        await line.dip.participants[QUIET].call(f"{get_path('IF-021')}/pubconfig/{QUIET}", method="DELETE")
        line.posts.clear()
        await line.open(4)
        await eventually(line.is_empty, "all is delivered")
        assert [len(post) for post in line.posts] == [4]


class TestRetried:
    """Nothing is known to have arrived: the same again, until it has."""

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    async def test_the_same_batch_goes_again(self, line: Line, inboxes: dict[str, Inbox], status: int):
        line.answering = first(answer(status), answer(status))
        transactions = await line.open()
        await eventually(line.is_empty, "it is delivered")
        assert line.posts == [transactions] * 3
        assert not {e.transactionID for e in inboxes[DATA].statuses} & set(transactions)

    async def test_an_answer_that_breaks_off_counts_for_nothing(self, line: Line):
        async def break_off(request: web.Request, _: list[str]) -> web.StreamResponse:
            response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"messageArray":[')
            assert request.transport is not None
            request.transport.abort()
            return response

        line.answering = first(break_off)
        transactions = await line.open()
        await eventually(line.is_empty, "it is delivered")
        assert line.posts == [transactions] * 2

    async def test_an_endless_answer_counts_for_nothing(self, line: Line):
        async def pour(request: web.Request, _: list[str]) -> web.StreamResponse:
            response = web.StreamResponse(status=201)
            await response.prepare(request)
            for _ in range(65):
                await response.write(b"x" * 2**20)
            return response

        line.answering = first(pour)
        transactions = await line.open()
        await eventually(line.is_empty, "it is delivered")
        assert line.posts == [transactions] * 2

    async def test_a_207_that_cannot_be_read_counts_for_nothing(self, line: Line):
        line.answering = first(answer(207, b"{"))
        transactions = await line.open()
        await eventually(line.is_empty, "it is delivered")
        assert line.posts == [transactions] * 2

    async def test_a_closed_connection_counts_for_nothing(self, line: Line):
        async def hang_up(request: web.Request, _: list[str]) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response()

        line.answering = first(hang_up)
        transactions = await line.open()
        await eventually(line.is_empty, "it is delivered")
        assert line.posts == [transactions] * 2

    async def test_a_refused_connection_counts_for_nothing(self, line: Line):
        await line.open()
        await eventually(line.is_empty, "it is delivered")
        await set_webhook(line.dip, QUIET, f"https://127.0.0.1:{find_free_port()}/messages")
        (later,) = await send(line.dip, 1, mpan=QUIET_MPAN)
        query = """select 1 from attempt a join queue_progress p using (queue)
            where queue = {queue} and a.from_position > p.done and outcome like '%could not be reached'"""

        async def was_in_vain() -> bool:
            return await line.fetch(query) != []

        await eventually(was_in_vain, "it was tried in vain")
        await line.mend()
        await eventually(lambda: line.posts[-1] == [later], "it is delivered")

    async def test_the_recipient_says_how_long_to_wait(self, line: Line):
        """Of Retry-After the time is read that the queue is due at, so that nothing depends on the clock's speed."""
        line.answering = answer(503, b"", Retry_After="3600")
        await line.open()
        query = """select p.next_attempt_at - a.attempted_at > interval '59 minutes', p.stopped_at
            from queue_progress p join attempt a using (queue) where queue = {queue} and a.status = 503
            and p.failures > 0 order by a.attempted_at desc limit 1"""

        async def waits() -> bool:
            return await line.fetch(query) == [(True, None)]

        await eventually(waits, "the next attempt is an hour away")
        line.answering = take
        await line.mend()
        await eventually(line.is_empty, "setting the webhook again ends the wait")


class TestBreaker:
    async def read(self, line: Line) -> tuple[object, ...] | None:
        query = f"select state, failures, until from breaker where dip_id = '{QUIET}' and channel = 'IF-021'"
        rows = await line.fetch(query)
        return rows[0] if rows else None

    async def test_it_opens_tries_one_batch_at_a_time_and_closes(self, line: Line):
        line.answering = answer(500)
        transactions = await line.open(6, maxMessageCount=2)
        head = transactions[:2]

        async def has_opened() -> bool:
            breaker = await self.read(line)
            return breaker is not None and breaker[0] != "closed" and len(line.posts) >= 7

        await eventually(has_opened, "it has opened, and more than one try was made")
        assert "breaker-open" in await line.list_alarms()
        assert all(post == head for post in line.posts), "a try is one batch"
        line.answering = take
        await eventually(line.is_empty, "it is delivered")
        assert [t for post in line.posts[-3:] for t in post] == transactions
        state, failures, until = await self.read(line) or ()
        assert (state, failures, until) == ("closed", 0, None)
        assert await line.list_alarms() == set()

    async def test_it_opens_too_when_every_other_delivery_fails(self, line: Line):
        turns = itertools.cycle((answer(503), take))

        async def alternate(request: web.Request, ids: list[str]) -> web.StreamResponse:
            return await next(turns)(request, ids)

        line.answering = alternate
        query = f"select count(*) from alarm where kind = 'breaker-open' and subject = '{QUIET} IF-021'"
        before = await line.fetch(query)
        await line.open(24, maxMessageCount=1)
        await eventually(line.is_empty, "all is delivered in the end")
        assert await line.fetch(query) > before

    async def test_while_it_is_open_nothing_is_sent(self, line: Line):
        await line.open(2)
        await eventually(line.is_empty, "it is delivered")
        line.posts.clear()
        async with line.dip.pool.acquire() as connection:
            await connection.execute(
                """insert into breaker (dip_id, channel, state, failures, recent, openings, until, reason, changed_at)
                values ($1, 'IF-021', 'open', 5, 31, 1, now() + interval '1 hour', 'made up', now())
                on conflict (dip_id, channel) do update set state = 'open', until = excluded.until""",
                QUIET,
            )
        await send(line.dip, 1, mpan=QUIET_MPAN)

        async def is_put_off() -> bool:
            rows = await line.fetch("select next_attempt_at from queue_progress where queue = {queue}")
            at = rows[0][0]
            assert isinstance(at, datetime)
            return at > datetime.now(at.tzinfo)

        await eventually(is_put_off, "the queue is put off until the breaker's pause is over")
        assert line.posts == []
        await line.mend()
        await eventually(line.is_empty, "setting the webhook again has it tried at once")


async def test_a_recipient_that_mentions_little_is_not_raced(line: Line):
    """Each answer delivers something, and the rest waits as after a failure, here for up to an hour."""

    async def mention_one(_: web.Request, ids: list[str]) -> web.StreamResponse:
        entry = {"transactionID": ids[0], "message": "RCP0000 - Message Success"}
        return web.json_response({"messageArray": [entry]}, status=207)

    columns, values = "channel, retry_base, retry_ceiling, changed_at", "'IF-021', '1 h', '1 h', now()"
    async with line.dip.pool.acquire() as connection:
        await connection.execute(f"insert into channel_rule ({columns}) values ({values})")
    try:
        line.answering = mention_one
        transactions = await line.open(4)
        query = "select done, failures, leased_by is null from queue_progress where queue = {queue}"

        async def rests() -> bool:
            ((_, failures, is_free),) = await line.fetch(query)
            return failures == 1 and is_free is True

        await eventually(rests, "the queue rests with what was not mentioned")
        assert line.posts == [transactions]
        assert await count_waiting(line.dip, QUIET, 3)
    finally:
        async with line.dip.pool.acquire() as connection:
            await connection.execute("delete from channel_rule where channel = 'IF-021'")
    line.answering = take
    await line.mend()
    await eventually(line.is_empty, "what was not mentioned is delivered")
    assert sorted(line.posts[-1]) == sorted(transactions[1:])
