"""The bare batched server on granian's own interface: what another HTTP library would bring."""
# mypy: disable-error-code="import-not-found"
# granian lives in an environment of its own, which a check does not see.

import sys
from functools import cache
from typing import Any

from benchmarks.http_servers.bare import Answer, batched, from_csv, from_json

answering = cache(batched)


async def app(scope: Any, protocol: Any) -> None:
    answer: Answer = answering()
    decode = from_csv if scope.headers.get("content-type") == "text/csv" else from_json
    answered = await answer(await protocol(), decode)
    protocol.response_bytes(200, [("content-type", "application/json")], answered)


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops

    Granian(
        "benchmarks.http_servers.bare_granian:app",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        workers=1,
    ).serve()
