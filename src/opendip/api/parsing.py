"""HTTP as it comes, read by llhttp. Where a call asks for another protocol it leaves off; that wish is ignored here."""

from typing import Any

import httptools

_FRAMING = (b"content-length", b"transfer-encoding")


class RequestParser:
    """What uvicorn needs of a parser. A call that asks for an upgrade is a call like others (RFC 9110 7.8)."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._parser = self._make_parser()
        self._framing: list[bytes] = []
        self._is_head_known = False

    def feed_data(self, data: bytes) -> None:
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # It takes what follows for another protocol: another parser has the body, behind a head of its own.
                data = self._restart() + data[upgrade.args[0] :]
            else:
                return

    def _restart(self) -> bytes:
        self._parser = self._make_parser()
        self._is_head_known = True
        return b"".join([b"POST / HTTP/1.1\r\n", *self._framing, b"\r\n"])

    def _make_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # As uvicorn has it: the first of several calls is answered, though it is said to be the last.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def get_http_version(self) -> str:
        return self._parser.get_http_version()

    def get_method(self) -> bytes:
        return self._parser.get_method()

    def should_keep_alive(self) -> bool:
        return self._parser.should_keep_alive()

    def should_upgrade(self) -> bool:
        return False

    def on_message_begin(self) -> None:
        if not self._is_head_known:
            self._framing = []
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._is_head_known:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head_known:
            return
        if name.lower() in _FRAMING:
            self._framing.append(b"%b: %b\r\n" % (name, value))
        self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._is_head_known:
            self._protocol.on_headers_complete()
        self._is_head_known = False

    def on_body(self, body: bytes) -> None:
        self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_upgrade():
            self._protocol.on_message_complete()
