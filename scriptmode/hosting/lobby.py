"""Answers until somebody can: with 503, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptmode.handlers.response import failure
from scriptmode.hosting.asgi import Call

if TYPE_CHECKING:
    from scriptmode.hosting.asgi import Receive, Scope, Send
    from scriptmode.hosting.board import Board


class Lobby:
    """An ASGI application for the time until the workers are ready.

    Args:
        board: on which they say why they are not.
    """

    moment = 0.1
    """Seconds for which clients are sent away before it ends; workers wait for its end."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
        elif scope["type"] == "http":
            response = failure(503, {"code": "not_ready", "message": self._board.reason})
            headers = [(b"retry-after", b"1")]
            await Call.of(scope, receive, send).answer(response, headers, is_unread=True)

    def drain(self) -> None:
        """Every answer closes its connection anyway."""
