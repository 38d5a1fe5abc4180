"""`dip send` and `dip receive`: the participant's side, from the command line."""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opendip.cli.printing import say

if TYPE_CHECKING:
    from opendip.client.batches import ReceivedBatch, ReceivedStatuses
    from opendip.client.sender import Answer
    from opendip.client.types import ResponseEntry

_MAX_SHOWN = 20

CredentialsOption = Annotated[
    Path, typer.Option("--as", exists=True, file_okay=False, help="The directory of credentials to act with.")
]


def send(
    channel: Annotated[str, typer.Argument(help="The interface, such as IF-021.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="One message or a list, as JSON.")],
    credentials: CredentialsOption,
    to: Annotated[str, typer.Option(help="The DIP's URL, such as https://127.0.0.1:8443.")],
    attempts: Annotated[int, typer.Option(min=1, help="How often to try before giving up.")] = 5,
) -> None:
    """Sign messages, send them, and show what became of each; 1 when any was refused."""
    from opendip.client.sender import Refused

    try:
        answer = asyncio.run(_send(credentials, to, channel, _read_messages(file), attempts))
    except Refused as refused:
        _show_entries(refused.entries)
        raise
    _show_entries(answer.entries)
    say(f"{answer.status}: {len(answer.entries)} messages, {len(answer.refusals)} refused.")
    if answer.refusals:
        raise typer.Exit(1)


async def _send(directory: Path, to: str, channel: str, body: bytes, attempts: int) -> "Answer":
    from opendip.client.credentials import Credentials
    from opendip.client.retrying import Patience
    from opendip.client.sender import Sender

    async with Sender(Credentials.load(directory), to, patience=Patience(attempts)) as sender:
        return await sender.send(channel, body)


def _read_messages(file: Path) -> bytes:
    """A list goes as it is written, byte for byte; a single message is put into one."""
    body = file.read_bytes().removeprefix(b"\xef\xbb\xbf").strip()
    return b"[" + body + b"]" if body.startswith(b"{") else body


def _show_entries(entries: "list[ResponseEntry]") -> None:
    for number, entry in enumerate(entries[:_MAX_SHOWN], 1):
        say(f"{number}. {entry.senderUniqueReference or 'the call'}: {entry.message or 'no answer'}")
        for detail in (entry.transactionID, entry.help):
            if detail:
                say(f"   {detail}")
    if len(entries) > _MAX_SHOWN:
        say(f"and {len(entries) - _MAX_SHOWN} more")


def receive(
    credentials: CredentialsOption,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for any.")] = 9443,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    public_url: Annotated[
        str | None, typer.Option(help="The URL the DIP calls, without a path, when it is another.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="A directory to keep every delivery in, as JSON.")
    ] = None,
) -> None:
    """Take deliveries at /messages and /status, check them, and say what came, until Ctrl-C."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    asyncio.run(_receive(credentials, host, port, public_url, keep))


async def _receive(directory: Path, host: str, port: int, public_url: str | None, keep: Path | None) -> None:
    from opendip.client.credentials import Credentials
    from opendip.client.receiver import Receiver

    async def take_messages(batch: "ReceivedBatch") -> None:
        if keep is not None:
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{batch.publication_id}.json"
            await asyncio.to_thread((keep / name).write_bytes, batch.body)
        say(f"{datetime.now(UTC):%H:%M:%S} {batch.publication_id}: {len(batch)} messages")

    async def take_statuses(statuses: "ReceivedStatuses") -> None:
        for entry in statuses.entries:
            say(f"{datetime.now(UTC):%H:%M:%S} status: {entry.transactionID} {entry.message}")

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    receiver = Receiver(
        Credentials.load(directory),
        host,
        port,
        on_messages=take_messages,
        on_status=take_statuses,
        public_url=public_url,
    )
    async with receiver:
        say(f"Taking messages at {receiver.url}/messages and status messages at {receiver.url}/status.")
        await stop.wait()
