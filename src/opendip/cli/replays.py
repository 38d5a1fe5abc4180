"""`dip replay` and `dip requeue`: the participant's side of having messages again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

import typer

from opendip.cli.participants import CredentialsOption
from opendip.cli.printing import say
from opendip.cli.replay_requests import make_request

if TYPE_CHECKING:
    from opendip.client.replaying import ReplayRequest, RequeueStatus, StatusReplayRequest
    from opendip.client.sender import Sender

_ASK_SECONDS = 0.5

ChannelArgument = Annotated[str, typer.Argument(help="The interface, such as IF-021, or STATUS for status messages.")]
ToOption = Annotated[str, typer.Option(help="The DIP's URL, such as https://127.0.0.1:8443.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Accepted from then on: 2026-03-21, or with a time; UTC unless it says.")
]
UntilOption = Annotated[str | None, typer.Option(help="Accepted until then; without it, until now.")]
EventOption = Annotated[str | None, typer.Option(help="Of this event code, such as ActivePower.")]
MpanOption = Annotated[str | None, typer.Option(help="About this metering point.")]
VersionOption = Annotated[str | None, typer.Option(help="Sent in this schema version.")]
TransactionOption = Annotated[
    list[str] | None, typer.Option("--transaction", help="This message; as often as needed, 100 at most (STATUS: one).")
]
RecipientOption = Annotated[str | None, typer.Option(help="The recipient's DIP id, when you act for it.")]


def replay(
    channel: ChannelArgument,
    credentials: CredentialsOption,
    to: ToOption,
    out: Annotated[
        Path,
        typer.Option(dir_okay=False, help="The file for the messages, one a line, as JSON; written when all came."),
    ],
    since: FromOption = None,
    until: UntilOption = None,
    event: EventOption = None,
    mpan: MpanOption = None,
    version: VersionOption = None,
    transaction: TransactionOption = None,
    recipient: RecipientOption = None,
) -> None:
    """Have messages again that you were sent, in a file."""
    request = make_request(channel, since, until, event, mpan, version, transaction or ())
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
    request = make_request(channel, since, until, event, mpan, version, transaction or ())
    status = asyncio.run(_requeue(credentials, to, channel, request, recipient))
    if status is None:
        say("They are on the queue.")
    elif status.status == "Completed":
        say(f"{status.totalTransactions} messages are on the queue, or were filtered out.")
    else:
        say(f"It failed after {status.processedTransactions} messages. The DIP's operator is told; ask again.")
        raise typer.Exit(1)


def _open_sender(directory: Path, to: str) -> "Sender":
    from opendip.client.credentials import Credentials
    from opendip.client.sender import Sender

    return Sender(Credentials.load(directory), to)


async def _replay(
    directory: Path,
    to: str,
    channel: str,
    request: "ReplayRequest | StatusReplayRequest",
    recipient: str | None,
    out: Path,
) -> int:
    count = 0
    try:
        async with _open_sender(directory, to) as sender:
            with _replace(out) as file:
                async for messages in _list_messages(sender, channel, request, recipient):
                    for message in messages:
                        # Between the parts of a message its sender may have broken lines; inside texts JSON has none.
                        file.write(message.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
                    count += len(messages)
    except Exception:
        if count:
            typer.echo(f"It broke off after {count} messages. {out} is as it was before; ask again.", err=True)
        raise
    return count


@contextmanager
def _replace(out: Path) -> Iterator[IO[bytes]]:
    """What is written takes the file's place when it is whole; else the file is left as it was."""
    if out.exists() and not out.is_file():
        # A pipe or a terminal has nothing to lose.
        with out.open("wb") as file:
            yield file
        return
    place = out.resolve()
    with NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as beside:
        try:
            yield beside
            beside.close()
            Path(beside.name).replace(place)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise


async def _list_messages(
    sender: "Sender", channel: str, request: "ReplayRequest | StatusReplayRequest", recipient: str | None
) -> AsyncIterator[Sequence[bytes]]:
    from opendip.client.replaying import ReplayRequest
    from opendip.client.types import encode

    if isinstance(request, ReplayRequest):
        async for batch in sender.replay(channel, request, recipient):
            yield [bytes(raw) for raw in batch.list_raw()]
    else:
        async for entries in sender.replay_statuses(request, recipient):
            yield [encode(entry) for entry in entries]


async def _requeue(
    directory: Path, to: str, channel: str, request: "ReplayRequest | StatusReplayRequest", recipient: str | None
) -> "RequeueStatus | None":
    from opendip.client.replaying import ReplayRequest

    async with _open_sender(directory, to) as sender:
        if isinstance(request, ReplayRequest):
            requeue_id = await sender.requeue(channel, request, recipient)
            ask = partial(sender.get_requeue_status, channel, requeue_id, recipient)
        else:
            requeue_id = await sender.requeue_statuses(request, recipient)
            ask = partial(sender.get_status_requeue_status, requeue_id, recipient)
        return None if requeue_id is None else await _follow(ask)


async def _follow(ask: "Callable[[], Awaitable[RequeueStatus | None]]") -> "RequeueStatus | None":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TaskProgressColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task("Requeueing", total=None)
        while True:
            status = await ask()
            if status is not None:
                progress.update(task, completed=status.processedTransactions, total=status.totalTransactions or None)
            if status is None or status.status != "Processing":
                return status
            await asyncio.sleep(_ASK_SECONDS)
