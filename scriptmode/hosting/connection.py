"""What clients do on a connection that uvicorn would leave unanswered.

Java's own client offers HTTP/2 with the first request of every connection. A server may ignore the
offer (RFC 9110 section 7.8), but httptools parses no further, and the body would be lost. Others
close their half of a connection as soon as they have sent all they will send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from scriptmode.hosting.asgi import Headers


class TolerantProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which declines offers and answers half-closed connections."""

    cycle: Any  # the latest request; None before the first
    declined: Headers | None = None  # headers of a request that offers another protocol

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._unset_keepalive_if_required()
        rest: bytes | memoryview = data
        try:
            while (read := self._parse(rest)) < len(rest):
                rest = memoryview(rest)[read:]
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def eof_received(self) -> Any:
        """A client that has sent all it will send may still read its answer."""
        cycle = self.cycle
        if not cycle or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def on_headers_complete(self) -> None:
        """Start to answer, unless the parser ends here."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self.declined = self.headers
        else:
            super().on_headers_complete()
        self.headers = []  # what follows the body is no header

    def on_message_complete(self) -> None:
        """The whole request has come."""
        if self.declined is None:
            super().on_message_complete()

    def _parse(self, data: bytes | memoryview) -> int:
        """How much was parsed: all, or up to where a request that offers something has its body."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            read: int = upgrade.args[0]
        else:
            return len(data)
        if self.declined is None:  # the rest is no HTTP
            return len(data)
        headers, self.declined = self.declined, None
        self._begin_again(headers)
        return read

    def _begin_again(self, headers: Headers) -> None:
        """Parse the beginning of a request once more, without the offer."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0] != b"upgrade"]
        first = b"%b %b HTTP/%b\r\n" % (method, self.url, version)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"".join((first, *lines, b"\r\n")))
