"""Requests that are answered together get what they get alone."""

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from scriptmode import compose
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import Endpoint, Request
from scriptmode.hosting.exchange import Exchange
from scriptmode.hosting.grouping import Answerer
from scriptmode.hosting.tracing import Trace
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON

ROWS = np.random.default_rng(0).normal(size=(64, 5))
TRACE = Trace.of({})


def endpoint_of(model: Any, framework: str = "xgboost", **declared: Any) -> Endpoint:
    endpoint = Endpoint(compose(framework, **declared))
    endpoint.adopt(model)
    return endpoint


@pytest.fixture(scope="module")
def booster() -> Any:
    table = xgb.DMatrix(ROWS, ROWS.sum(axis=1))
    return xgb.train({"nthread": 1, "max_depth": 4}, table, 30)


def request(body: bytes, content_type: str = "text/csv", **headers: str) -> Request:
    context = RequestContext({"content-type": content_type, **headers})
    return Request(body, content_type, headers.get("accept"), context)


def together(
    endpoint: Endpoint, requests: list[Request], batching: Any = "exact"
) -> list[Exchange]:
    exchanges = [Exchange(each, TRACE) for each in requests]
    Answerer(endpoint, batching)(exchanges)
    return exchanges


def told(exchange: Exchange) -> tuple[int, bytes]:
    assert exchange.response is not None
    return exchange.response.status, exchange.response.body


def csv(rows: Any) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def rows_as_json(rows: Any) -> bytes:
    return json.dumps(rows.tolist()).encode()


bodies = st.one_of(
    st.tuples(st.integers(0, 63), st.integers(1, 9)).map(lambda t: csv(ROWS[t[0] : t[0] + t[1]])),
    st.integers(0, 63).map(lambda row: rows_as_json(ROWS[row : row + 1])),
    st.sampled_from([b"[[1,2,3,4,5]],[[6", b"7,8,9,10]]", b"[[1,2,3,4,5],[6,7,8,9,10]]"]),
    st.sampled_from([b"", b"1,2", b"a,b,c,d,e", b"1,2,3,4,1e300", b"1,,3,,5", b"[[1,2,3,4,5]]"]),
)


types = st.sampled_from(["text/csv", "application/json"])
wishes = st.sampled_from(
    [{}, {}, {"accept": "text/csv"}, {"accept": "image/png"}, {"accept-encoding": "gzip"}]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(bodies, types, wishes), max_size=12), st.permutations(["csv", "json"]))
def test_company_changes_no_answer(
    booster: Any, sent: list[tuple[bytes, str, dict[str, str]]], returns: list[str]
) -> None:
    endpoint = endpoint_of(booster, returns=returns)
    requests = [request(body, kind, **wish) for body, kind, wish in sent]
    alone = [endpoint.invoke(each) for each in requests]
    for exchange, response in zip(together(endpoint, requests), alone, strict=True):
        assert told(exchange) == (response.status, response.body)


DECLARED: list[dict[str, Any]] = [
    {},
    {"features": list("abcde")},
    {"label": 0},
    {"missing": {"cells": "error"}},
    {"missing": {"cells": "fill", "value": 0.5}},
    {"predict": "contribs"},
    {"predict": ["value", "leaf"]},
    {"rows": "free"},
    {"after": lambda prediction, context: prediction * 2},
    {"before": lambda data, context: data[:, ::-1].copy()},
]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 54), st.integers(1, 9) | st.just(1)), min_size=1),
    st.sampled_from(DECLARED),
    st.none() | st.sampled_from([b"1,,3,4,5", b"1,2,3,4", b"1,2,3,4,5,6", b"1,2,3,4,1e39", b"a"]),
)
def test_company_changes_no_answer_whatever_is_declared(
    booster: Any, sent: list[tuple[int, int]], declared: dict[str, Any], other: bytes | None
) -> None:
    endpoint = endpoint_of(booster, **declared)
    requests = [request(csv(ROWS[start : start + count])) for start, count in sent]
    if other is not None:
        requests.insert(len(requests) // 2, request(other))
    alone = [endpoint.invoke(each) for each in requests]
    exchanges = together(endpoint, requests)
    for exchange, response in zip(exchanges, alone, strict=True):
        assert told(exchange) == (response.status, response.body)
    for (_, count), exchange in zip(sent, exchanges if other is None else (), strict=False):
        assert exchange.rows == (None if "rows" in declared else count)


def test_a_body_without_rows_takes_none_of_its_neighbours(booster: Any) -> None:
    class Lines(CSV):
        def decode(self, body: Any, params: Any) -> Any:
            return super().decode(body, params) if body else np.zeros((0, 5))

        def decode_many(self, bodies: Sequence[bytes], params: Any) -> Any:
            return [self.decode(body, params) for body in bodies]

    endpoint = endpoint_of(booster, accepts=[Lines()])
    requests = [request(body) for body in (csv(ROWS[:1]), b"", csv(ROWS[1:3]))]
    alone = [endpoint.invoke(each) for each in requests]
    assert [each.status for each in alone] == [200, 422, 200]
    exchanges = together(endpoint, requests)
    assert list(map(told, exchanges)) == [(each.status, each.body) for each in alone]


def test_what_is_filled_in_for_one_changes_no_type_of_another(booster: Any) -> None:
    class Singles(CSV):
        def decode(self, body: Any, params: Any) -> Any:
            return super().decode(body, params).astype("f4")

        def decode_many(self, bodies: Sequence[bytes], params: Any) -> Any:
            return [self.decode(body, params) for body in bodies]

    class Kinds:
        def __getattr__(self, name: str) -> Any:
            return getattr(endpoint.inference, name)

        def ask(self, prepared: Any, model: Any) -> Any:
            kinds.append((prepared.data.dtype, len(prepared.data)))
            return endpoint.inference.ask(prepared, model)  # type: ignore[union-attr]

    kinds: list[Any] = []
    missing = {"cells": "fill", "value": 0.5}
    endpoint = endpoint_of(booster, accepts=[Singles()], missing=missing)
    answerer = Answerer(endpoint)
    answerer._inference = Kinds()  # type: ignore[assignment]
    answerer([Exchange(request(body), TRACE) for body in (b"1,2,3,4,5", b"1,,3,4,5", b"5,4,3,2,1")])
    assert kinds == [(np.float32, 2), (np.float64, 1)]


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize(("decoder", "write"), [(CSV, csv), (JSON, rows_as_json)])
def test_short_bodies_of_one_type_are_read_at_once(
    booster: Any, decoder: Any, write: Any, coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[bytes] = []
    decode = decoder.decode

    def counted(self: Any, body: bytes, params: Any) -> Any:
        alone.append(body)
        return decode(self, body, params)

    monkeypatch.setattr(decoder, "decode", counted)
    headers = {"content-encoding": coding} if coding else {}
    plain = [write(ROWS[i : i + 1]) for i in range(4)]
    sent = [gzip.compress(body) if coding else body for body in plain]
    kind = decoder.media_types[0]
    exchanges = together(endpoint_of(booster), [request(body, kind, **headers) for body in sent])
    assert alone == (plain if coding else [])
    assert [told(each)[0] for each in exchanges] == [200] * 4
    assert all(each.decode > 0 for each in exchanges)
    assert all(each.rows == 1 and each.together == 4 for each in exchanges)


@pytest.mark.parametrize("found", [None, [], [np.zeros((1, 5))], RuntimeError("a bug")])
def test_a_decoder_that_fails_at_many_bodies_is_asked_for_each(booster: Any, found: Any) -> None:
    class Careless(CSV):
        def decode_many(self, bodies: Sequence[bytes], params: Any) -> Any:
            if isinstance(found, Exception):
                raise found
            return found

    endpoint = endpoint_of(booster, accepts=[Careless()])
    requests = [request(csv(ROWS[i : i + 1])) for i in range(3)]
    alone = [endpoint.invoke(each).body for each in requests]
    assert [told(each) for each in together(endpoint, requests)] == [(200, body) for body in alone]


def test_predictions_for_equal_wishes_are_written_at_once(
    booster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[Any] = []
    encode = JSON.encode

    def counted(self: Any, value: Any, params: Any) -> bytes:
        alone.append(value)
        return encode(self, value, params)

    monkeypatch.setattr(JSON, "encode", counted)
    requests = [request(csv(ROWS[i : i + 1])) for i in range(4)]
    exchanges = together(endpoint_of(booster), requests)
    assert alone == []
    assert [told(each)[0] for each in exchanges] == [200] * 4
    assert all(each.encode > 0 for each in exchanges)
    together(endpoint_of(booster), [*requests, request(csv(ROWS[4:5]), accept="text/csv")])
    assert len(alone) == 4


@pytest.mark.parametrize("found", [None, [], [b"[0]"], RuntimeError("a bug")])
def test_an_encoder_that_fails_at_many_predictions_is_asked_for_each(
    booster: Any, found: Any
) -> None:
    class Careless(JSON):
        def encode_many(self, values: Sequence[Any], params: Any) -> Any:
            if isinstance(found, Exception):
                raise found
            return found

    endpoint = endpoint_of(booster, returns=[Careless()])
    requests = [request(csv(ROWS[i : i + 1])) for i in range(3)]
    alone = [endpoint.invoke(each).body for each in requests]
    assert [told(each) for each in together(endpoint, requests)] == [(200, body) for body in alone]


def test_an_output_fn_by_hand_is_asked_for_each(booster: Any) -> None:
    def output_fn(prediction: Any, accept: str) -> tuple[bytes, str]:
        return f"{prediction[0]:.3f} {accept}".encode(), "text/plain"

    endpoint = Endpoint(compose("xgboost")._replace(output_fn=output_fn))  # type: ignore[arg-type]
    endpoint.adopt(booster)
    requests = [request(csv(ROWS[i : i + 1])) for i in range(4)]
    alone = [endpoint.invoke(each).body for each in requests]
    assert [told(each) for each in together(endpoint, requests)] == [(200, body) for body in alone]
    assert all(body.endswith(b" application/json") for body in alone)


def test_what_a_hook_says_of_one_answer_is_said_of_that_one(booster: Any) -> None:
    def after(prediction: Any, context: Any) -> Any:
        if context.headers.get("name") == "b":
            context.set_response_status(207)
            context.response.headers["x-name"] = "b"
        return prediction

    endpoint = endpoint_of(booster, after=after)
    requests = [request(csv(ROWS[:1]), name=name) for name in "abc"]
    responses = [each.response for each in together(endpoint, requests)]
    assert [each.status for each in responses if each] == [200, 207, 200]
    assert [dict(each.headers) for each in responses if each] == [{}, {"x-name": "b"}, {}]


def test_the_model_is_asked_once(booster: Any) -> None:
    aligned: list[int] = []
    asked: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(endpoint.inference, name)

        def prepare(self, data: Any, *given: Any) -> Any:
            aligned.append(len(data))
            return endpoint.inference.prepare(data, *given)  # type: ignore[union-attr]

        def ask(self, prepared: Any, model: Any) -> Any:
            asked.append(len(prepared.data))
            return endpoint.inference.ask(prepared, model)  # type: ignore[union-attr]

    endpoint = endpoint_of(booster)
    exchanges = [Exchange(request(csv(ROWS[i : i + 2])), TRACE) for i in range(7)]
    answerer = Answerer(endpoint)
    answerer._inference = Counting()  # type: ignore[assignment]
    answerer(exchanges)
    assert aligned == asked == [14]
    assert [each.together for each in exchanges] == [7] * 7
    assert [each.rows for each in exchanges] == [2] * 7


def test_a_forest_is_asked_together_and_a_product_of_matrices_is_not() -> None:
    labels = (ROWS.sum(axis=1) > 0).astype(int)
    forest = RandomForestClassifier(20, random_state=0).fit(ROWS, labels)
    line = LinearRegression().fit(ROWS, labels)
    for model, is_asked_together in ((forest, True), (line, False)):
        endpoint = endpoint_of(model, "sklearn")
        requests = [request(csv(ROWS[i : i + 1])) for i in range(8)]
        exchanges = together(endpoint, requests)
        assert [told(each)[1] for each in exchanges] == [endpoint.invoke(r).body for r in requests]
        assert (exchanges[0].together > 1) is is_asked_together
        assert together(endpoint, requests, "close")[0].together == 8
        assert together(endpoint, requests, "off")[0].together == 1


def test_threads_that_add_up_as_they_come_are_not_asked_together() -> None:
    forest = RandomForestClassifier(20, n_jobs=2).fit(ROWS, ROWS[:, 0] > 0)
    exchanges = together(endpoint_of(forest, "sklearn"), [request(csv(ROWS[:1]))] * 3)
    assert exchanges[0].together == 1


def test_hooks_are_called_for_each_request_with_its_own_context(booster: Any) -> None:
    def after(prediction: Any, context: Any) -> Any:
        context.response.headers["X-Seen"] = context.headers["who"]
        if context.headers["who"] == "2":
            raise ValueError("not this one")
        return prediction

    endpoint = endpoint_of(booster, after=after)
    requests = [request(csv(ROWS[:1]), who=str(number)) for number in range(4)]
    exchanges = together(endpoint, requests)
    assert [told(each)[0] for each in exchanges] == [200, 200, 500, 200]
    seen = [each.response.headers for each in exchanges if each.response]
    assert [headers.get("X-Seen") for headers in seen] == ["0", "1", None, "3"]
    assert exchanges[0].together == 4


def test_several_outputs_by_name_are_parted(booster: Any) -> None:
    endpoint = endpoint_of(booster, predict=["value", "contribs"])
    requests = [request(csv(ROWS[i : i + 3])) for i in range(5)]
    exchanges = together(endpoint, requests)
    assert [told(each)[1] for each in exchanges] == [endpoint.invoke(r).body for r in requests]
    assert exchanges[0].together == 5


def test_one_bad_cell_harms_nobody_else(booster: Any) -> None:
    endpoint = endpoint_of(booster)
    requests = [request(csv(ROWS[:1])), request(b"1,2,3,4,1e300"), request(csv(ROWS[1:2]))]
    found = [told(each) for each in together(endpoint, requests)]
    assert [status for status, _ in found] == [200, 422, 200]
    assert json.loads(found[1][1])["where"] == {"row": 1, "column": 5}


@pytest.mark.parametrize(
    "function",
    [lambda model, data, context: data[:, 0], lambda model, data, context: data[:, 0].tolist()],
)
def test_a_function_that_predicts_is_asked_for_each(
    booster: Any, function: Callable[..., Any]
) -> None:
    endpoint = endpoint_of(booster, predict=function)
    exchanges = together(endpoint, [request(csv(ROWS[i : i + 1])) for i in range(3)])
    assert [told(each)[0] for each in exchanges] == [200] * 3
    assert exchanges[0].together == 1
