"""Ending a server without losing what it has accepted.

uvicorn closes idle connections at once, and with them requests that are on their way. So for a
moment connections are closed with the answer to the next request, which clients understand.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from uvicorn import Config, Server

if TYPE_CHECKING:
    import socket

_LOOKS = 10


class Drained(Protocol):
    """An application that can send its clients away."""

    @property
    def moment(self) -> float:
        """Seconds until the connections that are left are closed."""
        ...

    def drain(self) -> None:
        """Close connections with their next answer."""
        ...


class DrainingServer(Server):
    """A server of uvicorn that sends its clients away before it ends.

    Args:
        config: uvicorn's own.
        app: told when clients are to be sent away.
    """

    def __init__(self, config: Config, app: Drained) -> None:
        super().__init__(config)
        self._drained = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and end connections with what they are at."""
        for server in self.servers:
            server.close()
        moment, loop = self._drained.moment, asyncio.get_running_loop()
        # Clients that are sent away come back at once, and must not find a socket that some
        # worker has not closed yet, and on which nobody will answer them.
        await asyncio.sleep(moment / 2)
        self._drained.drain()
        ends = loop.time() + moment
        while self.server_state.connections and loop.time() < ends:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(moment / _LOOKS)
        await super().shutdown(sockets)
