"""`dip replay` and `dip requeue`: the participant's side of having messages again."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.participants import CredentialsOption
from opendip.cli.printing import say
from opendip.domain.problems import Problem

if TYPE_CHECKING:
    from opendip.client.replaying import ReplayRequest, RequeueStatus
    from opendip.client.sender import Sender

_ASK_SECONDS = 0.5

ChannelArgument = Annotated[str, typer.Argument(help="The interface, such as IF-021.")]
ToOption = Annotated[str, typer.Option(help="The DIP's URL, such as https://127.0.0.1:8443.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Accepted from then on: 2026-03-21, or with a time; UTC unless it says.")
]
UntilOption = Annotated[str | None, typer.Option(help="Accepted until then; without it, until now.")]
EventOption = Annotated[str | None, typer.Option(help="Of this event code, such as ActivePower.")]
MpanOption = Annotated[str | None, typer.Option(help="About this metering point.")]
VersionOption = Annotated[str | None, typer.Option(help="Sent in this schema version.")]
TransactionOption = Annotated[
    list[str] | None, typer.Option("--transaction", help="This message; as often as needed, 100 at most.")
]
RecipientOption = Annotated[str | None, typer.Option(help="The recipient's DIP id, when you act for it.")]


class UnusableTime(Problem):
    """A time on the command line is none; the text says what is expected."""


def replay(
    channel: ChannelArgument,
    credentials: CredentialsOption,
    to: ToOption,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The file for the messages, one a line, as JSON.")],
    since: FromOption = None,
    until: UntilOption = None,
    event: EventOption = None,
    mpan: MpanOption = None,
    version: VersionOption = None,
    transaction: TransactionOption = None,
    recipient: RecipientOption = None,
) -> None:
    """Have messages again that you were sent, in a file."""
    request = _make_request(since, until, event, mpan, version, transaction)
    count = asyncio.run(_replay(credentials, to, channel, request, recipient, out))
    say(f"{count} messages in {out}")


def requeue(
    channel: ChannelArgument,
    credentials: CredentialsOption,
    to: ToOption,
    since: FromOption = None,
    until: UntilOption = None,
    event: EventOption = None,
    mpan: MpanOption = None,
    version: VersionOption = None,
    transaction: TransactionOption = None,
    recipient: RecipientOption = None,
) -> None:
    """Have messages again that you were sent, at your webhook; shows how far that has come until it is done."""
    request = _make_request(since, until, event, mpan, version, transaction)
    status = asyncio.run(_requeue(credentials, to, channel, request, recipient))
    if status is None:
        say("They are on the queue.")
    elif status.status == "Completed":
        say(f"{status.totalTransactions} messages are on the queue, or were filtered out.")
    else:
        say(f"It failed after {status.processedTransactions} messages. The DIP's operator is told; ask again.")
        raise typer.Exit(1)


def _make_request(
    since: str | None,
    until: str | None,
    event: str | None,
    mpan: str | None,
    version: str | None,
    transactions: list[str] | None,
) -> "ReplayRequest":
    from opendip.client.replaying import ReplayRequest

    times = (_read_time(since), _read_time(until))
    return ReplayRequest(*times, event, mpan, version, tuple(transactions or ()))


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableTime(f"{text} is no time. Write 2026-03-21 or 2026-03-21T19:05:00+00:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _open_sender(directory: Path, to: str) -> "Sender":
    from opendip.client.credentials import Credentials
    from opendip.client.sender import Sender

    return Sender(Credentials.load(directory), to)


async def _replay(
    directory: Path, to: str, channel: str, request: "ReplayRequest", recipient: str | None, out: Path
) -> int:
    count = 0
    async with _open_sender(directory, to) as sender:
        with out.open("wb") as file:
            async for batch in sender.replay(channel, request, recipient):
                for raw in batch.list_raw():
                    # Between the parts of a message its sender may have broken lines; inside texts JSON has none.
                    file.write(bytes(raw).replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
                count += len(batch)
    return count


async def _requeue(
    directory: Path, to: str, channel: str, request: "ReplayRequest", recipient: str | None
) -> "RequeueStatus | None":
    async with _open_sender(directory, to) as sender:
        requeue_id = await sender.requeue(channel, request, recipient)
        return None if requeue_id is None else await _follow(sender, channel, requeue_id, recipient)


async def _follow(sender: "Sender", channel: str, requeue_id: str, recipient: str | None) -> "RequeueStatus | None":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TaskProgressColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task("Requeueing", total=None)
        while True:
            status = await sender.get_requeue_status(channel, requeue_id, recipient)
            if status is not None:
                progress.update(task, completed=status.processedTransactions, total=status.totalTransactions or None)
            if status is None or status.status != "Processing":
                return status
            await asyncio.sleep(_ASK_SECONDS)
