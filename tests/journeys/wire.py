"""Bytes on the wire, for what no proper client would send."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

LIMIT_SECONDS = 60.0


def write_call(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST with these headers, the necessary ones put before them unless they are there."""
    lines = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **headers}
    return "\r\n".join([f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""]).encode() + body


@asynccontextmanager
async def connect(
    port: int, context: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to 127.0.0.1; with no context it is bare TCP."""
    host = "127.0.0.1" if context else None
    async with asyncio.timeout(LIMIT_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(port: int, context: ssl.SSLContext | None, sent: bytes) -> bytes:
    """Everything that is answered until the server closes; nothing when it closes at once."""
    async with connect(port, context) as (reader, writer):
        writer.write(sent)
        with suppress(ConnectionError):
            await writer.drain()
        return await read_all(reader)


async def read_all(reader: asyncio.StreamReader) -> bytes:
    parts = []
    async with asyncio.timeout(LIMIT_SECONDS):
        with suppress(ConnectionError):
            while part := await reader.read(2**16):
                parts.append(part)
    return b"".join(parts)
