"""Functions of a script's own on the way, what they are told, and that rows are counted."""

import functools
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from scriptmode import DeclarationError, compose
from scriptmode.errors import (
    BodyTooLargeError,
    InvalidFeaturesError,
    MalformedBodyError,
    NotAcceptableError,
    PredictionError,
    RequestError,
    UnsupportedMediaTypeError,
)
from scriptmode.handlers.context import RequestContext
from scriptmode.models.base import Signature
from scriptmode.testing import Reply, invoke
from scriptmode.values import Table
from tests.hosting.served import Server, serving

HERE = Path(__file__).parent
untyped: Any = compose
"""For declarations that a type checker would find first."""


class Echo:
    """Predicts its input."""

    name = "echo"

    def __init__(self, names: tuple[str, ...] | None = None, width: int | None = None) -> None:
        self.names, self.width = names, width

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data

    def signature(self, model: str) -> Signature:
        return Signature(self.names, self.width)


def ask(
    body: Any,
    content_type: str = "application/json",
    *,
    loader: Any = None,
    headers: dict[str, str] | None = None,
    accept: str | None = None,
    **declared: Any,
) -> Reply:
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return invoke(
        compose(loader or Echo(), **declared),
        raw,
        content_type=content_type,
        accept=accept,
        headers=headers,
        model_dir=HERE,
    )


class Seen:
    """A hook that keeps what it was given."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.answer, self.given = answer, list[tuple[Any, ...]]()

    def __call__(self, first: Any, second: Any) -> Any:
        self.given.append((first, second))
        return self.answer(first)

    @property
    def data(self) -> Any:
        return self.given[-1][0]


def unchanged(value: Any) -> Any:
    return value


def test_hooks_are_called_in_order_around_the_model() -> None:
    handler = compose(
        Echo(),
        before=lambda data, context: data + 1,
        predict=lambda model, data, context: [f"{model} {row[0]}" for row in data],
        after=lambda prediction, context: {"answers": prediction},
    )
    found = handler.predict_fn(handler.input_fn("[[1], [2]]", None), "booster")
    assert found == {"answers": ["booster 2.0", "booster 3.0"]}


def test_hooks_can_be_named_in_place_of_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hooks_of_test.py").write_text(
        "class Steps:\n"
        "    @staticmethod\n"
        "    def plus_one(data, context): return data + 1\n"
        "def total(model, data, context): return data.sum(axis=1)\n"
        "def wrapped(prediction, context): return {'total': prediction}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    named: dict[str, Any] = {
        "before": "hooks_of_test:Steps.plus_one",
        "predict": "hooks_of_test:total",
        "after": "hooks_of_test:wrapped",
    }
    assert ask([[1, 2]], **named).json() == {"total": [5.0]}
    for field, reference in named.items():
        monkeypatch.setenv(f"SCRIPTMODE_{field.upper()}", reference)
    assert ask([[1, 2]]).json() == {"total": [5.0]}


class Method:
    def before(self, data: Any, context: Any) -> Any:
        return data * 2


def two_of_three(data: Any, context: Any, factor: float = 2) -> Any:
    return data * factor


def positional(data: Any, context: Any, /) -> Any:
    return data * 2


@pytest.mark.parametrize(
    "hook",
    [
        Method().before,
        two_of_three,
        positional,
        functools.partial(two_of_three, factor=2),
        lambda *given: given[0] * 2,
        Seen(lambda data: data * 2),
    ],
)
def test_whatever_can_be_called_so_is_a_hook(hook: Any) -> None:
    assert ask([[1, 2]], before=hook).json() == [[2.0, 4.0]]


@pytest.mark.parametrize(
    ("field", "hook", "message"),
    [
        ("before", lambda: 0, r"cannot be called as a function \(data, context\)"),
        ("before", lambda data: data, "cannot be called as"),
        ("before", lambda model, data, context: data, "cannot be called as"),
        ("before", lambda data, context, *, more: data, "cannot be called as"),
        ("predict", lambda data, context: data, r"a function \(model, data, context\)"),
        ("after", lambda prediction: prediction, r"a function \(prediction, context\)"),
        ("before", 3, r"before=3: expected a function \(data, context\)"),
        ("after", {"a": "b"}, "expected a function"),
        ("before", Method, "expected a function"),
        ("predict", Method, "expected a function"),
        ("before", "math:pi", "expected a function"),
        ("predict", "math:pi", "expected a function"),
        ("before", "collections:OrderedDict", "expected a function"),
        ("before", "no_such_module:function", "no module named 'no_such_module'"),
        ("predict", "no_such_module:function", "no module named 'no_such_module'"),
        ("after", "json:no_such_function", "'json' has no 'no_such_function'"),
        ("before", "json", "not of the form 'package.module:attribute'"),
        ("before", ":function", "not of the form"),
        ("after", "json:", "not of the form"),
        ("before", ".relative:function", "not of the form"),
        ("predict", 3, "predict"),
        ("rows", "many", "expected 'same' or 'free'"),
    ],
)
def test_what_is_no_hook_is_found_when_the_script_is_imported(
    field: str, hook: Any, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        untyped(Echo(), **{field: hook})


def test_a_module_that_fails_raises_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_of_test.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        compose(Echo(), before="failing_of_test:function")


class Trip(BaseModel):
    distance: float
    passengers: int = 1
    zone: str | None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([{"b": 2, "a": 1}], "application/json"),
        ([[1, 2]], "application/json"),
        ({"b": [2], "a": [1]}, "application/json"),
        ("1,2\n", "text/csv"),
        ("b,a\n2,1\n", "text/csv; header=present"),
        ('{"b": 2, "a": 1}\n', "application/jsonlines"),
    ],
)
def test_before_is_given_the_declared_columns_in_order(body: Any, content_type: str) -> None:
    before = Seen(unchanged)
    assert ask(body, content_type, features=["a", "b"], before=before).ok
    np.testing.assert_array_equal(np.asarray(before.data), [[1, 2]])


def test_before_is_given_described_columns_checked_and_filled() -> None:
    before = Seen(lambda frame: frame[["distance", "passengers"]])
    body = [{"zone": "x", "distance": 3}, {"zone": None, "distance": 4}]
    assert ask(body, features=Trip, before=before).json() == [
        {"distance": 3.0, "passengers": 1.0},
        {"distance": 4.0, "passengers": 1.0},
    ]
    assert list(before.data.columns) == ["distance", "passengers", "zone"]
    assert ask([{"zone": "x", "distance": None}], features=Trip, before=before).status == 422
    assert len(before.given) == 1


def test_before_is_given_what_was_decoded_where_nothing_is_declared() -> None:
    before = Seen(lambda table: table.values)
    artefact = Echo(("x", "y"), 2)
    reply = ask([{"b": 2, "a": 1}], loader=artefact, before=before)
    assert reply.json() == [[2.0, 1.0]]
    assert before.data.names == ("b", "a")


def test_before_is_not_given_the_label_or_what_is_to_be_ignored() -> None:
    before = Seen(unchanged)
    declared: dict[str, Any] = {"features": ["a", "b"], "before": before}
    assert ask([{"y": 9, "b": 2, "a": 1}], label="y", **declared).ok
    assert ask("9,1,2\n", "text/csv", label=0, **declared).ok
    assert ask([{"z": "x", "b": 2, "a": 1}], extra="ignore", **declared).ok
    assert [np.asarray(data, dtype=float).tolist() for data, _ in before.given] == [[[1, 2]]] * 3


@pytest.mark.parametrize(
    "make",
    [
        lambda data: Table(("z", "x", "y"), np.column_stack([data[:, 1] * 10, data])),
        lambda data: pd.DataFrame({"z": data[:, 1] * 10, "y": data[:, 1], "x": data[:, 0]}),
        lambda data: {"y": data[:, 1], "z": data[:, 1] * 10, "x": data[:, 0]},
        lambda data: np.column_stack([data, data[:, 1] * 10]),
        lambda data: [[row[0], row[1], row[1] * 10] for row in data],
        lambda data: tuple((row[0], row[1], row[1] * 10) for row in data),
    ],
)
def test_what_before_makes_is_put_into_the_models_own_columns(make: Any) -> None:
    reply = ask(
        [{"b": 2, "a": 1}, {"b": 4, "a": 3}],
        loader=Echo(("x", "y", "z"), 3),
        features=["a", "b"],
        before=Seen(make),
        predict=lambda model, data, context: np.asarray(data),
    )
    assert reply.json() == [[1.0, 2.0, 20.0], [3.0, 4.0, 40.0]]


@pytest.mark.parametrize(
    "made",
    [
        [[1.0, 2.0]],
        [1.0, 2.0, 3.0],
        [{"x": 1, "y": 2, "w": 3}],
        [[1.0, 2.0, 3.0], [1.0]],
        Table(("x", "y"), np.ones((1, 2))),
        pd.DataFrame({"x": [1.0], "y": [1.0], "w": [1.0]}),
    ],
)
def test_columns_that_before_makes_wrongly_are_not_the_callers_mistake(made: Any) -> None:
    reply = ask(
        [[1, 2]],
        loader=Echo(("x", "y", "z"), 3),
        features=["a", "b"],
        before=lambda data, context: made,
    )
    assert reply.status == 500


def test_predict_is_given_the_model_and_aligned_data() -> None:
    seen: list[Any] = []

    def predict(model: Any, data: Any, context: Any) -> Any:
        seen.extend([model, data, context])
        return data[:, 0]

    reply = ask([{"b": 2, "a": 1}], loader=Echo(("a", "b"), 2), predict=predict)
    assert reply.json() == [1.0]
    assert seen[0] == "model"
    assert seen[1].tolist() == [[1, 2]]
    assert isinstance(seen[2], RequestContext)


def test_after_is_given_the_prediction_itself() -> None:
    outputs = {"score": np.zeros(2), "label": ["x", "y"]}
    after = Seen(unchanged)
    reply = ask([[1], [2]], predict=lambda model, data, context: outputs, after=after)
    assert after.data is outputs
    assert reply.json() == {"score": [0.0, 0.0], "label": ["x", "y"]}


def test_a_request_without_hooks_of_its_own_is_refused_before_them() -> None:
    before = Seen(unchanged)
    assert ask([[1, 2, 3]], features=["a", "b"], before=before).status == 422
    assert ask([], features=["a", "b"], before=before).status == 422
    assert before.given == []


SECRET = "4111 1111"


class ConflictError(RequestError):
    status = 409
    code = "conflict"


def failing(error: BaseException) -> Callable[..., Any]:
    def hook(*given: Any) -> Any:
        raise error

    return hook


@pytest.mark.parametrize("field", ["before", "predict", "after"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (RequestError, 400),
        (MalformedBodyError, 400),
        (NotAcceptableError, 406),
        (ConflictError, 409),
        (BodyTooLargeError, 413),
        (UnsupportedMediaTypeError, 415),
        (InvalidFeaturesError, 422),
    ],
)
def test_a_hook_may_refuse_a_request(field: str, kind: type[RequestError], status: int) -> None:
    error = kind("the zone is closed", field="zone")
    declared: dict[str, Any] = {field: failing(error)}
    reply = ask([[1]], **declared)
    assert reply.status == status
    assert reply.json() == {
        "code": kind.code,
        "message": "the zone is closed",
        "where": {"field": "zone"},
    }
    assert reply.error is error


@pytest.mark.parametrize("field", ["before", "predict", "after"])
@pytest.mark.parametrize(
    "error",
    [ValueError(SECRET), KeyError(SECRET), SystemExit(SECRET), type("Odd", (BaseException,), {})()],
    ids=lambda error: type(error).__name__,
)
def test_any_other_error_of_a_hook_is_a_500_that_says_nothing_of_the_payload(
    field: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    declared: dict[str, Any] = {field: failing(error)}
    with caplog.at_level(logging.ERROR, "scriptmode"):
        reply = ask([[SECRET]], **declared)
    assert reply.status == 500
    assert reply.json().keys() == {"code", "message"}
    assert SECRET not in reply.text
    assert type(error).__name__ not in reply.text
    assert reply.error is error
    assert "in hook" in caplog.text


def test_a_prediction_error_of_a_hook_says_its_own_message() -> None:
    reply = ask([[1]], after=failing(PredictionError("no zone is open")))
    assert (reply.status, reply.json()["message"]) == (500, "no zone is open")


def told(prediction: Any, context: Any) -> Any:
    """A document of what a hook is told."""
    return {
        "headers": context.headers,
        "accept": context.accept,
        "content_type": context.content_type,
        "custom_attributes": context.custom_attributes,
        "parameters": context.parameters,
        "worker": context.worker,
        "device": context.device,
        "model_dir": context.model_dir,
        "model_name": context.model_name,
        "system_properties": context.system_properties,
        "one_header": context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes"),
        "all_headers": context.get_all_request_header(0),
    }


SENT = {"X-Amzn-SageMaker-Custom-Attributes": "Trace=1", "X-Own": "Kept As It Is"}
LOWERED = {
    "x-amzn-sagemaker-custom-attributes": "Trace=1",
    "x-own": "Kept As It Is",
    "accept": "application/json;q=0.9",
    "content-type": "application/json; charset=utf-8",
}
ENVELOPED = {"threshold": 0.5, "options": {"verbose": [True, None]}, "rows": [[1, 2]]}
PARAMETERS = {"threshold": 0.5, "options": {"verbose": [True, None]}}


def test_a_hook_is_told_of_the_request() -> None:
    reply = ask(
        ENVELOPED,
        "application/json; charset=utf-8",
        accept="application/json;q=0.9",
        headers=SENT,
        request="rows",
        parameters=["threshold", "options", "unsent"],
        after=told,
    )
    assert reply.json() == {
        "headers": LOWERED,
        "accept": "application/json;q=0.9",
        "content_type": "application/json; charset=utf-8",
        "custom_attributes": "Trace=1",
        "parameters": PARAMETERS,
        "worker": os.getpid(),
        "device": None,
        "model_dir": str(HERE),
        "model_name": None,
        "system_properties": {"model_dir": str(HERE), "gpu_id": None},
        "one_header": "Trace=1",
        "all_headers": LOWERED,
    }


def test_every_hook_is_told_the_same() -> None:
    contexts: list[Any] = []

    def hook(value: Any, context: Any) -> Any:
        contexts.append(context)
        return value

    def predict(model: Any, data: Any, context: Any) -> Any:
        contexts.append(context)
        return data

    declared: dict[str, Any] = {"before": hook, "predict": predict, "after": hook}
    assert ask(ENVELOPED, request="rows", parameters=list(PARAMETERS), **declared).ok
    assert contexts[0].parameters == PARAMETERS
    assert contexts == [contexts[0]] * 3


def test_formats_without_an_envelope_have_no_parameters() -> None:
    declared: dict[str, Any] = {"request": "rows", "parameters": ["threshold"], "after": told}
    for body, content_type in (("1,2\n", "text/csv"), ("[1, 2]\n", "application/jsonlines")):
        assert ask(body, content_type, **declared).json()["parameters"] == {}


SCRIPT = """
from scriptmode import compose
from tests.handlers.test_hooks import Echo, told
model_fn, input_fn, predict_fn, output_fn = compose(
    Echo(), request="rows", parameters=["threshold", "options"], after=told
)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "inference.py").write_text(SCRIPT)
    with serving(folder / "inference.py", folder) as server:
        server.wait_until_ready()
        yield server


@pytest.mark.peer
def test_a_hook_is_told_the_same_behind_the_real_server(server: Server) -> None:
    headers = {
        **SENT,
        "Accept": LOWERED["accept"],
        "Content-Type": LOWERED["content-type"],
    }
    answer = server.ask("POST", "/invocations", json.dumps(ENVELOPED).encode(), **headers)
    found = json.loads(answer.body)
    assert {name: found["headers"].get(name) for name in LOWERED} == LOWERED
    assert all(name == name.lower() for name in found["headers"])
    assert found["all_headers"] == found["headers"]
    assert found["parameters"] == PARAMETERS
    assert found["worker"] == server.process.pid
    assert Path(found["model_dir"]).is_dir()
    assert found["system_properties"] == {"model_dir": found["model_dir"], "gpu_id": None}
    for name, expected in (
        ("accept", LOWERED["accept"]),
        ("content_type", LOWERED["content-type"]),
        ("custom_attributes", "Trace=1"),
        ("one_header", "Trace=1"),
        ("device", None),
        ("model_name", None),
    ):
        assert found[name] == expected


def test_a_context_without_a_request_is_empty() -> None:
    context = RequestContext.of(None)
    assert context == RequestContext()
    assert (dict(context.headers), dict(context.parameters)) == ({}, {})
    assert (context.accept, context.content_type, context.custom_attributes) == (None,) * 3
    assert (context.device, context.model_dir, context.model_name) == (None,) * 3
    assert context.worker == os.getpid()


def test_a_context_of_ours_stays_itself() -> None:
    context = RequestContext({"accept": "text/csv"}, model_name="a")
    assert RequestContext.of(context) is context


def mms_context(gpu: int | None, headers: dict[str, str] | None) -> Any:
    """What multi-model-server hands to a script, made as its worker makes it."""
    mms: Any = pytest.importorskip("mms.context")
    context = mms.Context("fares", "/opt/ml/model", {"model": {}}, 1, gpu, "1.1.11")
    if headers is not None:
        context.request_processor = [mms.RequestProcessor(headers)]
    return context


def test_the_context_of_multi_model_server_is_understood() -> None:
    context = RequestContext.of(mms_context(2, {**SENT, "Accept": "text/csv", "Content-Type": "x"}))
    assert context == RequestContext(
        headers={
            "x-amzn-sagemaker-custom-attributes": "Trace=1",
            "x-own": "Kept As It Is",
            "accept": "text/csv",
            "content-type": "x",
        },
        model_dir="/opt/ml/model",
        model_name="fares",
        device=2,
    )
    assert context.custom_attributes == "Trace=1"


def test_the_context_of_multi_model_server_has_no_headers_while_it_loads() -> None:
    context = RequestContext.of(mms_context(None, None))
    assert context == RequestContext(model_dir="/opt/ml/model", model_name="fares")


def test_hooks_behind_multi_model_server_are_told_as_elsewhere() -> None:
    handler = compose(Echo(), request="rows", parameters=list(PARAMETERS), after=told)
    foreign = mms_context(None, {**SENT, "Accept": "text/csv"})
    data = handler.input_fn(json.dumps(ENVELOPED), "application/json", foreign)
    found = handler.predict_fn(data, "model", foreign)
    assert found["parameters"] == PARAMETERS
    assert found["custom_attributes"] == found["one_header"] == "Trace=1"
    assert found["accept"] == "text/csv"
    assert (found["model_name"], found["model_dir"]) == ("fares", "/opt/ml/model")


SHAPES: dict[str, Callable[[int], Any]] = {
    "array": np.zeros,
    "matrix": lambda count: np.zeros((count, 2)),
    "list": lambda count: [0.0] * count,
    "tuple": lambda count: (0.0,) * count,
    "lists": lambda count: [[0.0, 1.0]] * count,
    "table": lambda count: Table(("p", "q"), np.zeros((count, 2))),
    "frame": lambda count: pd.DataFrame({"p": ["x"] * count}),
    "series": lambda count: pd.Series([0.0] * count, dtype=float),
    "outputs": lambda count: {"p": np.zeros(count), "q": np.zeros((count, 3))},
    "documents": lambda count: [{"p": 1, "q": None}] * count,
}
counts = st.integers(0, 4)
few = settings(deadline=None, max_examples=60)


@given(
    came=st.integers(1, 4),
    went=counts,
    shape=st.sampled_from(sorted(SHAPES)),
    field=st.integers(0, 2),
)
@few
def test_as_many_rows_go_out_as_came_in(came: int, went: int, shape: str, field: int) -> None:
    answer = SHAPES[shape](went)

    class Model(Echo):
        def predict(self, model: str, data: Any) -> Any:
            return answer

    declared: list[dict[str, Any]] = [
        {"loader": Model()},
        {"predict": lambda model, data, context: answer},
        {"after": lambda prediction, context: answer},
    ]
    reply = ask([[1, 2]] * came, **declared[field])
    if came == went:
        assert reply.ok
    else:
        assert reply.status == 500
        assert isinstance(reply.error, PredictionError)
        assert reply.json()["message"].startswith(
            f"{came} rows came in and {went} predictions came out"
        )
    assert ask([[1, 2]] * came, rows="free", **declared[field]).ok


@pytest.mark.parametrize("wrong", [1, 3])
@pytest.mark.parametrize("name", ["p", "q", "r"])
def test_every_named_output_is_counted(name: str, wrong: int) -> None:
    outputs = {**dict.fromkeys("pqr", np.zeros(2)), name: np.zeros(wrong)}
    listed = {key: part.tolist() for key, part in outputs.items()}
    for answer in (outputs, listed):
        reply = ask([[1], [2]], predict=lambda model, data, context, made=answer: made)
        message = f"2 rows came in and {wrong} predictions came out"
        assert reply.status == 500
        assert message in reply.json()["message"]
    assert ask([[1], [2]], after=lambda prediction, context: outputs).status == 500


@pytest.mark.parametrize("scalar", [1.5, np.float64(1.5), np.array(1.5), "text", {"p": 1.5}, {}])
def test_a_scalar_is_no_row_for_row_answer(scalar: Any) -> None:
    reply = ask([[1], [2]], predict=lambda model, data, context: scalar)
    assert reply.status == 500
    assert "2 rows came in and no rows came out" in reply.json()["message"]
    assert ask([[1], [2]], predict=lambda model, data, context: scalar, rows="free").ok


@pytest.mark.parametrize(
    "document",
    [
        {"predictions": [1.0, 2.0], "version": 3},
        {"predictions": np.zeros(2), "version": 3},
        {"total": [1.0]},
        {"total": 1.0},
        {"mean": np.float64(1.0)},
        {},
        "text",
        1.5,
    ],
)
def test_a_document_of_after_is_not_counted(document: Any) -> None:
    reply = ask([[1], [2]], after=lambda prediction, context: document)
    assert reply.ok
    assert reply.content_type == "application/json"


def test_an_output_is_counted_wherever_it_stands_beside_a_total() -> None:
    scores, total = {"scores": np.zeros(3)}, {"total": np.float64(0)}
    replies = [
        ask([[1], [2]], after=lambda prediction, context, made=made: made)
        for made in ({**scores, **total}, {**total, **scores})
    ]
    assert replies[0].status == replies[1].status


def test_before_may_not_change_the_number_of_rows() -> None:
    twice: dict[str, Any] = {"before": lambda data, context: np.concatenate([data, data])}
    reply = ask([[1], [2]], **twice)
    assert reply.status == 500
    assert "2 rows came in and 4 predictions came out" in reply.json()["message"]
    assert ask([[1], [2]], rows="free", **twice).json() == [[1.0], [2.0], [1.0], [2.0]]


def test_after_may_undo_what_predict_multiplied_only_if_rows_are_free() -> None:
    declared: dict[str, Any] = {
        "predict": lambda model, data, context: np.repeat(data[:, 0], 2),
        "after": lambda prediction, context: prediction[::2],
    }
    assert ask([[1], [2]], **declared).status == 500
    assert ask([[1], [2]], rows="free", **declared).json() == [1.0, 2.0]


def test_no_rows_never_reach_a_hook() -> None:
    seen = Seen(unchanged)
    reply = ask([], before=seen, predict=lambda model, data, context: [], after=seen)
    assert (reply.status, reply.json()["message"]) == (422, "the body holds no rows")
    assert not seen.given


def test_what_is_no_table_is_not_counted() -> None:
    reply = ask(
        {"prompt": "x"},
        accepts="json",
        options={"json": {"layout": "raw"}},
        predict=lambda model, data, context: [data["prompt"]] * 3,
    )
    assert reply.json() == ["x", "x", "x"]


@pytest.mark.parametrize("hook", ["before", "predict", "after"])
def test_a_function_that_forgets_to_return_is_told(hook: str) -> None:
    options: dict[str, Any] = {hook: lambda *given: None, "rows": "free"}
    reply = ask([[1], [2]], **options)
    assert reply.status == 500
    assert f"{hook} returned None" in reply.json()["message"]
