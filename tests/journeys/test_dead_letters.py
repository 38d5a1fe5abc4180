"""What does not arrive in its channel's time: its sender is told, the operator sees it and puts it back (E2E 5.1.9).

On IF-037 alone, which no other journey leaves waiting on.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from opendip.cli.letter_printing import COLUMNS
from opendip.store.dead_letters import Kind, NewDeadLetter, Owner, keep_dead_letters
from opendip.store.queues import QueueName, list_queues
from tests.builders import NOW
from tests.journeys.answers import assert_accepted
from tests.journeys.commands import read_json, run_command
from tests.journeys.conftest import Dip
from tests.journeys.drafts import draft
from tests.journeys.inboxes import Inbox
from tests.journeys.market import METERING, QUIET, QUIET_MPAN, REGISTRATION
from tests.journeys.participants import get_path
from tests.journeys.processes import find_free_port
from tests.journeys.webhooks import set_webhook

CHANNEL = "IF-037"
CHOSEN = ("--recipient", QUIET, "--channel", CHANNEL)


@pytest.fixture
async def impatient(dip: Dip) -> AsyncIterator[Dip]:
    """Nobody is waited for on this channel. Long enough for those who are there, on a machine that is busy."""
    await run_command(dip.home, "channel", "set", CHANNEL, "--dead-letter-after", "3s", "--force")
    yield dip
    await run_command(dip.home, "channel", "set", CHANNEL, "--unset", "dead-letter-after")


async def send_departure(dip: Dip) -> str:
    parties: dict[str, Any] = {"sender": REGISTRATION, "role": "REGS", "primary_recipients": [METERING]}
    departure = draft(CHANNEL, "MSDeApp", mpan=QUIET_MPAN, **parties)
    [transaction] = assert_accepted(await dip.participants[REGISTRATION].send(CHANNEL, [departure]))
    return transaction


async def find_alarm(dip: Dip) -> str | None:
    alarms = await read_json(dip.home, "alarms", "list")
    return next(
        (a["text"] for a in alarms if (a["kind"], a["subject"]) == ("dead-letters", f"{QUIET} {CHANNEL}")), None
    )


async def list_letters(dip: Dip, *options: str) -> dict[str, dict[str, Any]]:
    found = await read_json(dip.home, "dead-letters", "list", *CHOSEN, *options)
    return {letter["transaction_id"]: letter for letter in found}


async def test_what_expires_is_told_to_its_sender_once_and_arrives_once_when_it_is_redriven(
    impatient: Dip, inboxes: dict[str, Inbox]
):
    dip, port = impatient, find_free_port()
    await set_webhook(dip, QUIET, f"https://127.0.0.1:{port}/messages", CHANNEL)
    transaction = await send_departure(dip)

    status = await inboxes[REGISTRATION].wait_for_status(transaction)
    assert (status.code, status.senderID, status.recipientID) == ("MSG1000", "0000000000", REGISTRATION)
    assert f"Not delivered to {QUIET} in 3 seconds" in (status.help or "")

    letter = (await list_letters(dip))[transaction]
    assert (letter["kind"], letter["owner"], letter["sender"]) == ("expired", "recipient", REGISTRATION)
    assert "could not be reached" in letter["reason"]
    assert letter["reason"] in (await find_alarm(dip) or "")
    shown = await run_command(dip.home, "dead-letters", "show", str(letter["id"]))
    assert transaction in shown
    assert QUIET_MPAN not in shown

    await run_command(dip.home, "channel", "set", CHANNEL, "--dead-letter-after", "1h", "--force")
    inbox = Inbox(dip.credentials / QUIET, port)
    async with inbox.receiver:
        await run_command(dip.home, "dead-letters", "redrive", str(letter["id"]))
        await inbox.wait_for(transaction)
        await run_command(dip.home, "dead-letters", "redrive", str(letter["id"]), code=1)
        path = f"{get_path(CHANNEL)}/pubconfig/{QUIET}"
        assert (await dip.participants[QUIET].call(path, method="DELETE")).status == 204
    assert len(inbox.arrivals[transaction]) == 1
    assert [entry.transactionID for entry in inboxes[REGISTRATION].statuses].count(transaction) == 1
    assert len(inboxes[METERING].arrivals[transaction]) == 1
    assert (await list_letters(dip, "--settled"))[transaction]["settlement"] == "redriven"
    assert transaction not in await list_letters(dip)


async def test_messages_for_nobodys_webhook_expire_too_and_can_be_dismissed(impatient: Dip, inboxes: dict[str, Inbox]):
    dip = impatient
    transactions = [await send_departure(dip) for _ in range(3)]
    for transaction in transactions:
        status = await inboxes[REGISTRATION].wait_for_status(transaction)
        assert "has set no webhook" in (status.help or "")
    letters = await list_letters(dip)
    assert set(transactions) <= letters.keys()
    assert transactions[0] in await run_command(dip.home, "dead-letters", "list", *CHOSEN)
    assert transactions[0] in await run_command(dip.home, "dead-letters", "list", *CHOSEN, "--csv")

    first = str(letters[transactions[0]]["id"])
    await run_command(dip.home, "dead-letters", "dismiss", first, "--reason", "agreed with the recipient")
    settled = (await list_letters(dip, "--settled"))[transactions[0]]
    assert (settled["settlement"], settled["settled_text"]) == ("dismissed", "agreed with the recipient")
    assert await find_alarm(dip) is not None
    await run_command(dip.home, "dead-letters", "dismiss", "--all", *CHOSEN, "--reason", "agreed with the recipient")
    assert await find_alarm(dip) is None
    assert await list_letters(dip) == {}


async def test_what_was_refused_goes_back_only_when_that_is_said(dip: Dip):
    async with dip.pool.acquire() as connection:
        name = QueueName(QUIET, "MSS", CHANNEL)
        queue = (await list_queues(connection, [name]))[name]
        letters = [NewDeadLetter(10**9, None, None, None, "RCP1021", "refused")]
        await keep_dead_letters(connection, queue, Kind.REFUSED, Owner.BUSINESS, letters, NOW)
    said = await run_command(dip.home, "dead-letters", "redrive", "--all", *CHOSEN)
    assert "0 dead letters stand" in said
    assert "1 that recipients refused are left" in said
    assert "not kept any more" in await run_command(
        dip.home, "dead-letters", "redrive", "--all", *CHOSEN, "--kind", "refused"
    )
    await run_command(dip.home, "dead-letters", "dismiss", "--all", *CHOSEN, "--reason", "of this test")


async def test_a_file_of_no_dead_letters_names_its_columns(dip: Dip):
    said = await run_command(dip.home, "dead-letters", "list", "--recipient", "9900000099", "--csv")
    assert said.splitlines() == [",".join(COLUMNS)]


async def test_an_alarm_is_cleared_by_hand(dip: Dip):
    async with dip.pool.acquire() as connection:
        query = "insert into alarm (kind, subject, text) values ('dead-letters', 'nobody', 'of this test') returning id"
        number = str(await connection.fetchval(query))
    assert "of this test" in await run_command(dip.home, "alarms", "list")
    await run_command(dip.home, "alarms", "clear", number)
    await run_command(dip.home, "alarms", "clear", number, code=1)
    assert "of this test" not in await run_command(dip.home, "alarms", "list")
    assert "of this test" in await run_command(dip.home, "alarms", "list", "--all")


async def test_the_rules_of_channels_are_listed_beside_what_holds_for_all_others(dip: Dip):
    await run_command(dip.home, "channel", "set", "STATUS", "--retry-base", "0.1", "--retry-ceiling", "2s")
    listed = await run_command(dip.home, "channel", "list")
    assert ["STATUS", "0.1 seconds", "2 seconds", "as all others"] in [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in listed.splitlines()
    ]
    assert "14 days" in listed
    unset = ("--unset", "retry-base", "--unset", "retry-ceiling")
    await run_command(dip.home, "channel", "set", "STATUS", *unset)
    assert "STATUS" not in await run_command(dip.home, "channel", "list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("dead-letters", "redrive"),
        ("dead-letters", "redrive", "1", "--all"),
        ("dead-letters", "dismiss", "--all"),
        ("channel", "set", "IF-037"),
        ("channel", "set", "IF-037", "--dead-letter-after", "14"),
        ("dead-letters", "list", "--since", "yesterday"),
        ("dead-letters", "list", "--kind", "refuse"),
    ],
)
async def test_what_is_not_said_fully_is_not_done(dip: Dip, arguments: tuple[str, ...]):
    await run_command(dip.home, *arguments, code=2)


async def test_a_time_that_is_rather_a_slip_is_not_set(dip: Dip):
    await run_command(dip.home, "channel", "set", CHANNEL, "--dead-letter-after", "1m", code=1)
    assert CHANNEL not in await run_command(dip.home, "channel", "list")
