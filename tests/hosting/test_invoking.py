"""What is noted of requests, wherever their answers went."""

import asyncio
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from scriptmode.handlers.endpoint import Request
from scriptmode.handlers.response import Response
from scriptmode.hosting.exchange import Exchange
from scriptmode.hosting.invoking import SINGLE, Answer, Invoker
from scriptmode.hosting.journal import Journal
from scriptmode.hosting.logs import RequestLog
from scriptmode.hosting.metrics import Meter
from scriptmode.hosting.settings import Settings
from scriptmode.hosting.tracing import Trace


def test_an_answer_that_took_long_to_send_is_counted_where_others_see_it() -> None:
    meter = Meter(2)
    own = meter.of(1)
    hosted: Any = SimpleNamespace(name=None, under_way=1)
    trace = Trace.of({})
    answer = Answer(Response(200, "text/plain", b""), trace, Exchange(Request(b"12"), trace))

    async def sending() -> None:  # nothing is under way any more when it is over
        invoker = Invoker(Settings(), own, Journal(own, RequestLog("none")))
        invoker.note(answer, hosted, 1, perf_counter(), SINGLE)
        await asyncio.sleep(0.7)

    asyncio.run(sending())
    assert "scriptmode_received_bytes_total 2.0" in meter.text({}).decode().splitlines()
    assert hosted.under_way == 0
