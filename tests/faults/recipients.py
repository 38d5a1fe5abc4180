"""Recipients in changing moods: HTTPS servers that log every POST, and what was really answered to it.

Raw asyncio, for no good HTTP server will send half an answer.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from time import monotonic

import msgspec

from opendip.client import Credentials
from opendip.client.types import Header, ResponseEntry
from tests.faults.history import STATUS, Place, Post, Told, make_key
from tests.faults.moods import ABOUT_STATUSES, MOODS, OVERSIZED_BYTES, Answer, Arrival

_LONGEST_HEAD = 2**17
_PIECE = bytes(2**20)
_LOST = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError, OSError)
_headers = msgspec.json.Decoder(list[Header])
_statuses = msgspec.json.Decoder(list[ResponseEntry])


class Log:
    """What arrived anywhere."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.told: list[Told] = []


class Recipient:
    """One DIP id's webhooks: `/messages` and `/status`. `mood` may change at any moment."""

    def __init__(
        self,
        dip_id: str,
        directory: Path,
        log: Log,
        random: Random,
        answer_limit: float,
        find_worker: Callable[[int, int], int | None],
    ) -> None:
        self.dip_id = dip_id
        self.mood = "take"
        self.port = 0
        self._log = log
        self._random = random
        self._answer_limit = answer_limit
        self._find_worker = find_worker
        self._context = Credentials.load(directory).ssl_context_for_server()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, ssl=self._context, limit=_LONGEST_HEAD
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def go_away(self) -> None:
        """Connections are refused from now on, and those there are break off."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            worker = self._find_worker(writer.get_extra_info("peername")[1], self.port)
            while await self._take_one(reader, writer, worker):
                pass
        except (*_LOST, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _take_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, worker: int | None) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        began_at = monotonic()
        path, headers = _read_head(head)
        body = await reader.readexactly(int(headers["content-length"]))
        mood = self.mood
        said: Mapping[str, str | None] = {}
        place, transactions, references, told = self._read(path, headers, body)
        if place.channel == STATUS and mood not in ABOUT_STATUSES:
            mood = "take"
        answer = MOODS[mood](Arrival(transactions, place.role), self._random)
        try:
            await self._give(writer, answer)
            said = answer.said
        finally:
            post = Post(place, tuple(transactions), began_at, monotonic(), worker, mood, said, references, transactions)
            self._log.posts.append(post)
            if said:
                self._log.told += told
        return True

    def _read(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Place, dict[str, str], dict[str, str], list[Told]]:
        if path == "/status":
            entries = _statuses.decode(body)
            told = [
                Told(make_key(e.transactionID or ""), e.senderID, e.message or "", e.senderUniqueReference or "")
                for e in entries
            ]
            # A status message has no id of its own; it is what it says about which message.
            names = [f"{t.key} {t.from_dip_id} {t.text}" for t in told]
            keys = {name: e.transactionID or "" for name, e in zip(names, entries, strict=True)}
            return Place(self.dip_id, "", STATUS), keys, {}, told
        messages = _headers.decode(body)
        transactions = {make_key(message.transaction_id): message.transaction_id for message in messages}
        references = {make_key(message.transaction_id): message.sender_unique_reference for message in messages}
        role = headers["x-dip-mpo"].partition(";")[2]
        return Place(self.dip_id, role, messages[0].interface_id), transactions, references, []

    async def _give(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        """Raises when the answer was not given as a good recipient would."""
        match answer.manner:
            case "reset":
                raise ConnectionResetError
            case "hang":
                await asyncio.sleep(2 * self._answer_limit + 2)
                raise TimeoutError
            case "late":
                await asyncio.sleep(self._answer_limit + 0.5)
        writer.write(_write_head(answer))
        match answer.manner:
            case "half":
                writer.write(answer.body[: len(answer.body) // 2])
                await writer.drain()
                raise ConnectionResetError
            case "oversized":
                for _ in range(OVERSIZED_BYTES // len(_PIECE) + 1):
                    writer.write(_PIECE)
                    await writer.drain()
                raise ConnectionResetError
        writer.write(answer.body)
        await writer.drain()
        if writer.is_closing():
            raise ConnectionResetError


def _read_head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


def _write_head(answer: Answer) -> bytes:
    length = OVERSIZED_BYTES if answer.manner == "oversized" else len(answer.body)
    headers = {"Content-Type": "application/json", "Content-Length": str(length), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
