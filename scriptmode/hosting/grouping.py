"""Asking a model for several requests at once.

Each request keeps its own errors, and its hooks are called for it alone. The question to the model
is shared, and what lies around it where that changes no answer. Where something goes wrong with
what is shared, every request is treated by itself, so that none suffers from what another sent.
"""

from __future__ import annotations

import itertools
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode.handlers.inference import Prepared
from scriptmode.hosting.exchange import CURRENT
from scriptmode.serializers.base import as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptmode.handlers.endpoint import Endpoint
    from scriptmode.hosting.exchange import Exchange

Batching: TypeAlias = Literal["exact", "close", "off"]
BATCHING = ("exact", "close", "off")
_MOST_ROWS = 256  # of one request: a larger one gains nothing from company
_SHORT = 1024  # bytes of a body: a longer one gains nothing from being read with others
_TABLE = 2


class Answerer:
    """Answers requests, alone or together.

    Args:
        endpoint: with its model loaded.
        batching: ``exact`` asks together where every answer is the same, bit for bit, as it is
            alone; ``close`` wherever rows can be put together; ``off`` never.
    """

    def __init__(self, endpoint: Endpoint, batching: Batching = "exact") -> None:
        self._endpoint, self._inference = endpoint, endpoint.inference
        self.is_grouping = self._groups(batching)

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Give every exchange its response."""
        if not self.is_grouping or len(exchanges) == 1:
            for exchange in exchanges:
                if prepared := self._prepare(exchange, None):
                    self._ask(exchange, prepared)
            return
        known = self._decoded(exchanges)
        if known and len(known) == len(exchanges) and self._answer_as_one(known):
            return
        self._ask_together(
            [
                (each, prepared)
                for each in exchanges
                if (prepared := self._prepare(each, known.get(each)))
            ]
        )

    def _groups(self, batching: Batching) -> bool:
        if self._inference is None or self._inference.predict is not None or batching == "off":
            return False
        return batching == "close" or self._inference.is_rowwise(self._endpoint.model)

    def _decoded(self, exchanges: Sequence[Exchange]) -> dict[Exchange, Any]:
        """The data of requests whose bodies are read at once."""
        started = perf_counter()
        alike: dict[str | None, list[Exchange]] = {}
        for exchange in exchanges:
            request = exchange.request
            if len(request.body) <= _SHORT and "content-encoding" not in request.context.headers:
                alike.setdefault(request.content_type, []).append(exchange)
        known: dict[Exchange, Any] = {}
        for content_type, group in alike.items():
            known.update(zip(group, self._tables_of(group, content_type), strict=False))
        seconds = perf_counter() - started
        for exchange in known:
            exchange.queue, exchange.decode = started - exchange.arrived, seconds
        return known

    def _tables_of(self, group: Sequence[Exchange], content_type: str | None) -> Sequence[Any]:
        """One for each; none at all where they must be read one by one."""
        if len(group) == 1:
            return ()
        bodies = [as_bytes(exchange.request.body) for exchange in group]
        try:
            found = self._endpoint.decode_many(bodies, content_type)
        except Exception:  # noqa: BLE001 - each is read again, and whose fault it was is told
            return ()
        return found if found is not None and len(found) == len(group) else ()

    def _answer_as_one(self, known: Mapping[Exchange, Any]) -> bool:
        """Whether requests could be answered as one, as most can that were read at once.

        Args:
            known: their data.
        """
        import numpy as np

        inference: Any = self._inference
        tables = [*known.values()]
        if inference.has_hooks or not _are_alike(tables):
            return False
        CURRENT.set(None)
        started = perf_counter()
        try:
            prepared = inference.prepare(np.concatenate(tables), self._endpoint.model)
            aligned = perf_counter()
            if not _is_table(prepared) or prepared.data.dtype != tables[0].dtype:
                return False  # a cell that was filled may change that of all
            answer = inference.ask(prepared, self._endpoint.model)
            answer = inference.finish(answer, prepared)
        except Exception:  # noqa: BLE001 - each is asked again, and whose fault it was is told
            return False
        counts = [len(table) for table in tables]
        parts = _parted(answer, counts)
        if parts is None:
            return False
        align, predict = aligned - started, perf_counter() - aligned
        for exchange, rows in zip(known, counts, strict=True):
            exchange.rows, exchange.together = rows, len(counts)
            exchange.align, exchange.predict = align, predict
        self._encode_all([*known], parts)
        return True

    def _prepare(self, exchange: Exchange, data: Any) -> Prepared | None:
        """What the model is to be asked; None where there is a response already.

        Args:
            exchange: the request.
            data: what was decoded of it; None where nothing was.
        """
        request, inference = exchange.request, self._inference
        CURRENT.set(exchange.trace.request_id)
        started = perf_counter()
        try:
            if data is None:
                exchange.queue = started - exchange.arrived
                data = self._endpoint.decode(request)
                decoded = perf_counter()
                exchange.decode, started = decoded - started, decoded
            if inference is None:
                return Prepared(data, None, request.context)
            prepared = inference.prepare(data, self._endpoint.model, request.context)
        except BaseException as error:  # noqa: BLE001 - a script may raise anything, or exit
            exchange.fail(error)
            return None
        exchange.align = perf_counter() - started
        exchange.rows = prepared.rows
        return prepared

    def _ask(self, exchange: Exchange, prepared: Prepared) -> None:
        endpoint, inference = self._endpoint, self._inference
        started = perf_counter()
        CURRENT.set(exchange.trace.request_id)
        try:
            if inference is None:
                prediction = endpoint.ask(prepared.data, prepared.context)
            else:
                prediction = inference.ask(prepared, endpoint.model)
                prediction = inference.finish(prediction, prepared)
        except BaseException as error:  # noqa: BLE001 - likewise
            exchange.fail(error)
            return
        finally:
            exchange.predict = perf_counter() - started
        self._encode(exchange, prediction)

    def _ask_together(self, asked: Sequence[tuple[Exchange, Prepared]]) -> None:
        groups: dict[Any, list[tuple[Exchange, Prepared]]] = {}
        for each in asked:
            groups.setdefault(_kind(each[1]), []).append(each)
        for kind, group in groups.items():
            parts = None if kind is None or len(group) == 1 else self._answer_of(group)
            if parts is None:
                for exchange, prepared in group:
                    self._ask(exchange, prepared)
                continue
            finished = [
                (exchange, prediction)
                for (exchange, prepared), part in zip(group, parts, strict=True)
                if (prediction := self._finished(exchange, prepared, part, len(group))) is not None
            ]
            if finished:
                self._encode_all(*zip(*finished, strict=True))

    def _finished(self, exchange: Exchange, prepared: Prepared, part: Any, together: int) -> Any:
        """What the caller gets; None where there is a response already."""
        inference: Any = self._inference
        exchange.together = together
        CURRENT.set(exchange.trace.request_id)
        try:
            return inference.finish(part, prepared)
        except BaseException as error:  # noqa: BLE001 - likewise
            exchange.fail(error)
            return None

    def _encode_all(self, exchanges: Sequence[Exchange], predictions: Sequence[Any]) -> None:
        """Encode at once what was predicted so, else one by one."""
        if self._encode_together(exchanges, predictions):
            return
        for exchange, prediction in zip(exchanges, predictions, strict=True):
            CURRENT.set(exchange.trace.request_id)
            self._encode(exchange, prediction)

    def _encode_together(self, exchanges: Sequence[Exchange], predictions: Sequence[Any]) -> bool:
        started = perf_counter()
        requests = [exchange.request for exchange in exchanges]
        try:
            responses = self._endpoint.encode_many(predictions, requests)
        except Exception:  # noqa: BLE001 - each is encoded again, and whose fault it was is told
            return False
        if responses is None:
            return False
        seconds = perf_counter() - started
        for exchange, response in zip(exchanges, responses, strict=True):
            exchange.response, exchange.encode = response, seconds
        return True

    def _encode(self, exchange: Exchange, prediction: Any) -> None:
        started = perf_counter()
        try:
            exchange.response = self._endpoint.encode(prediction, exchange.request)
        except BaseException as error:  # noqa: BLE001 - likewise
            exchange.fail(error)
        exchange.encode = perf_counter() - started

    def _answer_of(self, group: Sequence[tuple[Exchange, Prepared]]) -> Sequence[Any] | None:
        """The answer of each; None where they must be asked one by one."""
        import numpy as np

        inference: Any = self._inference
        started = perf_counter()
        tables = [prepared.data for _, prepared in group]
        whole = group[0][1]._replace(data=np.concatenate(tables), rows=None)
        try:
            answer = inference.ask(whole, self._endpoint.model)
        except Exception:  # noqa: BLE001 - each is asked again, and whose fault it was is told
            return None
        parts = _parted(answer, [len(table) for table in tables])
        seconds = perf_counter() - started
        for exchange, _ in group:
            exchange.predict = seconds
        return parts


def _are_alike(tables: Sequence[Any]) -> bool:
    """Whether they can be put together, and taken apart again as they were."""
    import numpy as np

    kind, array = getattr(tables[0], "dtype", None), np.ndarray
    return all(
        type(each) is array and each.dtype is kind and each.ndim == _TABLE and each.size
        for each in tables
    )


def _is_table(prepared: Prepared) -> bool:
    """Whether there is to be an answer for each row of an array."""
    import numpy as np

    table = prepared.data
    return type(table) is np.ndarray and table.ndim == _TABLE and len(table) == prepared.rows


def _kind(prepared: Prepared) -> Any:
    """What requests that can be asked together have in common; None for one that cannot."""
    if not (_is_table(prepared) and 0 < len(prepared.data) <= _MOST_ROWS):
        return None
    return prepared.data.dtype, prepared.data.shape[1]


def _parted(answer: Any, counts: Sequence[int]) -> Sequence[Any] | None:
    """An answer, an array or several by name, as the answers of so many rows each."""
    import numpy as np

    if isinstance(answer, dict) and answer:
        columns = [_parted(part, counts) for part in answer.values()]
        if any(parts is None for parts in columns):
            return None
        return [dict(zip(answer, parts, strict=True)) for parts in zip(*columns, strict=True)]
    if not isinstance(answer, np.ndarray) or answer.ndim == 0 or len(answer) != sum(counts):
        return None
    if len(answer) == len(counts):
        parts: Any = answer[:, None]
        return parts  # type: ignore[no-any-return]
    starts = itertools.accumulate(counts, initial=0)
    return [answer[start : start + count] for start, count in zip(starts, counts, strict=False)]
