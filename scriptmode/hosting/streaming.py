"""Answers that a script makes piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

from scriptmode.handlers.endpoint import Endpoint
from scriptmode.hosting.exchange import CURRENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptmode.hosting.asgi import Call
    from scriptmode.hosting.hosted import Hosted
    from scriptmode.hosting.tracing import Trace


async def next_piece(
    hosted: Hosted, pieces: Iterator[bytes], trace: Trace, limit: float
) -> bytes | None:
    """The next piece; None after the last.

    Args:
        hosted: whose script makes it.
        pieces: where it comes from.
        trace: of the request.
        limit: seconds that it may take.

    Raises:
        TimeoutError: it took longer.
        Exception: whatever the script raises.
    """
    made = hosted.answering.next_piece(pieces, trace.request_id)
    return await asyncio.wait_for(made, limit)


async def stream(  # noqa: PLR0913, PLR0917 - as for one piece
    call: Call,
    hosted: Hosted,
    trace: Trace,
    pieces: Iterator[bytes],
    piece: bytes | None,
    limit: float,
) -> int:
    """Send pieces as the script makes them, until the last one or the caller is gone.

    Where one cannot be made the connection is closed without an end, which clients tell.

    Args:
        call: whose head is sent.
        hosted: whose script makes them.
        trace: of the request.
        pieces: all but the first.
        piece: that.
        limit: seconds that one may take.

    Returns:
        How many bytes were sent.
    """
    gone = asyncio.ensure_future(call.receive())
    size = 0
    try:
        while piece is not None and not gone.done():
            size += len(piece)
            await call.send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await next_piece(hosted, pieces, trace, limit)
    except Exception as error:  # noqa: BLE001 - a script may raise anything
        CURRENT.set(trace.request_id)
        Endpoint.fail(error)  # which logs it
        return size
    finally:
        gone.cancel()
        if isinstance(pieces, Generator):
            with contextlib.suppress(ValueError):  # a piece is being made that nobody waits for
                pieces.close()
    await call.send({"type": "http.response.body", "body": b""})
    return size
