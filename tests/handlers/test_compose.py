import importlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scriptmode import Handler, compose, register_loader, register_serializer
from scriptmode.errors import (
    DeclarationError,
    InvalidFeaturesError,
    MalformedBodyError,
    MissingExtraError,
    NotAcceptableError,
    PredictionError,
    UnknownNameError,
    UnsupportedMediaTypeError,
    UntrustedFormatError,
)
from scriptmode.handlers.registries import DEFAULT
from scriptmode.models import BUILTINS
from scriptmode.models.base import Signature
from scriptmode.models.xgboost import XGBoost
from scriptmode.registry import Builtin, Registry
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON


class Echo:
    """Predicts its input."""

    name = "echo"

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data


class Sized(Echo):
    """Knows three columns."""

    def signature(self, model: str) -> Signature:
        return Signature(("a", "b", "c"), 3)


class Semicolons:
    media_types = ("text/x-semicolons",)

    def decode(self, body: bytes, params: Mapping[str, str]) -> Any:
        return np.array([[float(cell) for cell in bytes(body).split(b";")]])


class Dangerous(Semicolons):
    media_types = ("application/x-dangerous",)
    name = "dangerous"
    safe = False


def roundtrip(handler: Handler, body: Any, content_type: str | None, accept: str | None) -> Any:
    data = handler.input_fn(body, content_type)
    return handler.output_fn(handler.predict_fn(data, "model"), accept)


def test_the_four_functions_have_their_names_and_parameter_counts() -> None:
    import inspect

    handler = compose(Echo())
    functions: Any = handler
    for function, count in zip(functions, (2, 3, 3, 3), strict=True):
        parameters = inspect.signature(function).parameters.values()
        assert len(parameters) == count
        assert {parameter.kind for parameter in parameters} == {
            inspect.Parameter.POSITIONAL_OR_KEYWORD
        }
    assert [getattr(function, "__name__", None) for function in handler] == list(Handler._fields)


def test_the_four_functions_can_be_pickled() -> None:
    handler = pickle.loads(pickle.dumps(compose(Echo(), accepts="csv", returns="csv")))
    assert roundtrip(handler, b"1,2", None, None) == (b"1.0,2.0\n", "text/csv")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", b"1,,3"),
        ("text/csv", "1,,3"),
        ("TEXT/CSV", bytearray(b"1,,3\n")),
        ("text/csv; charset=utf-8", memoryview(b"1,,3")),
        ('text/csv;charset="UTF-16"', "1,,3".encode("utf-16")),
        ("application/csv", b"1,,3"),
        ("application/json", b"[[1, null, 3]]"),
        ("application/json;charset=utf-8", "[1, null, 3]"),
        ("application/vnd.api+json", b"[1, null, 3]"),
        (None, b"[1, null, 3]"),
        ("", b"[1, null, 3]"),
        ("application/octet-stream", b"[1, null, 3]"),
    ],
)
def test_content_types_are_read_by_the_rules(content_type: str | None, body: Any) -> None:
    handler = compose(Echo(), accepts=["json", "csv"])
    np.testing.assert_array_equal(handler.input_fn(body, content_type), [[1.0, np.nan, 3.0]])


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("application/json;q=0, */*", "text/csv"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/html, image/gif, *; q=.2, */*; q=.2", "application/json"),
    ],
)
def test_accept_is_negotiated(accept: str | None, media_type: str) -> None:
    handler = compose(Echo(), accepts="csv", returns=["json", "csv"])
    assert roundtrip(handler, b"1,2", None, accept)[1] == media_type


def test_an_unknown_type_says_what_is_accepted() -> None:
    handler = compose(Echo(), accepts=["csv", "json"], returns="json")
    with pytest.raises(
        UnsupportedMediaTypeError, match="send one of text/csv, application/json"
    ) as e:
        handler.input_fn(b"", "image/png")
    assert e.value.supported == ("text/csv", "application/json")
    with pytest.raises(NotAcceptableError, match="allows none of application/json") as f:
        handler.output_fn([1], "image/png")
    assert f.value.supported == ("application/json",)


def test_octet_stream_is_its_own_type_where_it_is_declared() -> None:
    handler = compose(Echo(), accepts=["json", "octets"])
    assert handler.input_fn(b"[1]", "application/octet-stream") == b"[1]"


def test_nan_leaves_as_null() -> None:
    assert roundtrip(compose(Echo()), b"1,\n", "text/csv", None)[0] == b"[[1.0,null]]"


def test_a_parameter_of_accept_reaches_the_encoder() -> None:
    handler = compose(Echo(), returns=["json", "csv"])
    body, media_type = handler.output_fn(
        handler.input_fn(b'[{"a": 1}]', None), "text/csv; header=present"
    )
    assert (body, media_type) == (b"a\n1.0\n", "text/csv")


def test_a_foreign_decoder_may_raise_value_errors() -> None:
    handler = compose(Echo(), accepts=Semicolons())
    with pytest.raises(
        MalformedBodyError, match=r"not valid text/x-semicolons \(ValueError\)"
    ) as e:
        handler.input_fn(b"1;secret", None)
    assert "secret" not in str(e.value)


def test_named_columns_are_put_in_order_and_checked() -> None:
    handler = compose(Sized(), returns="json")
    shuffled = handler.input_fn(b'[{"c": 3, "a": 1, "b": 2}]', "application/json")
    assert handler.predict_fn(shuffled, "model").tolist() == [[1, 2, 3]]
    for body, message in [
        (b'[{"a": 1, "b": 2}]', "missing column 'c'"),
        (b'[{"a": 1, "b": 2, "c": 3, "d": 4}]', "unexpected column 'd'"),
        (b'[{"a": 1, "b": 2, "x": 3}]', "missing column 'c' and unexpected column 'x'"),
        (b"[[1, 2]]", "the model has 3 features"),
        (b"[[1, 2, 3, 4]]", "each row of the body has 4"),
        (b"[]", "no rows"),
        (b"[[[1, 2, 3]]]", "expected a table of 3 columns"),
    ]:
        with pytest.raises(InvalidFeaturesError, match=message):
            handler.predict_fn(handler.input_fn(body, "application/json"), "model")


def test_declared_features_name_a_nameless_model() -> None:
    class Nameless(Echo):
        def signature(self, model: str) -> Signature:
            return Signature(width=2)

    body = b'[{"b": 2, "a": 1}]'
    named = compose(Nameless(), features=["a", "b"])
    assert named.predict_fn(named.input_fn(body, None), "model").tolist() == [[1, 2]]
    nameless = compose(Nameless())
    with pytest.raises(InvalidFeaturesError, match="the model has no names"):
        nameless.predict_fn(nameless.input_fn(body, None), "model")


def test_features_that_contradict_the_artefact_are_refused_when_it_is_loaded(
    tmp_path: Path,
) -> None:
    from scriptmode import ModelLoadError

    for features in (["a", "b"], ["a", "c", "b"]):
        with pytest.raises(ModelLoadError, match="the model was trained on"):
            compose(Sized(), features=features).model_fn(str(tmp_path))


untyped: Any = compose
json: Any = JSON
"""For declarations that a type checker would find first."""


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: untyped("xgbost"), "did you mean 'xgboost'"),
        (lambda: untyped(Echo(), accepts=["csv", "jsn"]), "did you mean 'json'"),
        (lambda: untyped(Echo(), accepts="text/cvs"), "no serializer named 'text/cvs'"),
        (lambda: untyped(Echo(), acepts="csv"), "did you mean 'accepts'"),
        (lambda: untyped("xgboost", options={"xgbost": {}}), "did you mean 'xgboost'"),
        (lambda: untyped("xgboost", options={"xgboost": {"fil": "m"}}), "did you mean 'file'"),
        (lambda: untyped(Echo(), accepts="csv", options={"csv": {"heder": 1}}), "mean 'header'"),
        (lambda: untyped(Echo(), accepts=json("record")), "did you mean 'records'"),
        (lambda: untyped("xgboost", trusted=["pikle"]), "did you mean 'pickle'"),
    ],
)
def test_a_typo_is_found_when_the_script_is_imported(declare: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: untyped(Echo), "is a class: pass an object"),
        (lambda: untyped(Echo(), accepts=[CSV]), r"CSV is a class: pass an object, CSV\(\)"),
        (lambda: untyped(Echo(), returns=Semicolons()), "no 'encode'"),
        (lambda: untyped(object()), "is not a model loader"),
        (lambda: untyped(Echo(), accepts=[]), "nothing to decode with"),
        (lambda: untyped(Echo(), accepts=["csv", CSV(header=True)]), "both CSV and CSV read"),
        (lambda: untyped(Echo(), features="age"), "list the names"),
        (lambda: untyped(Echo(), features=["age", "age"]), "stands twice"),
        (lambda: untyped(Echo(), features=["age", 3]), "3 is not a name"),
        (lambda: untyped("xgboost", trusted=True), "list the formats"),
        (lambda: untyped("xgboost", trusted="pickle"), "list the formats"),
        (lambda: untyped(Echo(), trusted=["pickle"]), "nothing that is declared reads"),
        (lambda: untyped("xgboost", trusted={"pickle": "abc"}), "not a SHA-256"),
    ],
)
def test_a_contradiction_is_found_when_the_script_is_imported(declare: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_an_unsafe_part_must_be_trusted_by_name() -> None:
    with pytest.raises(UntrustedFormatError, match=r"declare trusted=\['dangerous'\]"):
        compose(Echo(), accepts=Dangerous())
    handler = compose("xgboost", accepts=Dangerous(), trusted=["dangerous", "pickle"])
    assert handler.predict_fn.__self__.inference.loader == XGBoost(trusted=["pickle"])  # type: ignore[attr-defined]


def test_a_missing_extra_names_the_exact_install_line() -> None:
    rows = {**BUILTINS, "absent": Builtin("absent:A", requires="no_such_lib", extra="absent")}
    registries = DEFAULT._replace(loaders=Registry("model loader", rows, "none"))
    with pytest.raises(MissingExtraError, match=r"pip install 'scriptmode\[absent\]'"):
        compose("absent", registries=registries)


def test_registered_names_can_be_declared() -> None:
    register_serializer("semicolons", Semicolons())
    register_loader("echo", Echo)
    handler = compose("echo", accepts=["semicolons", "json"])
    assert handler.input_fn(b"1;2", "text/x-semicolons").tolist() == [[1, 2]]
    assert compose("echo", accepts="text/x-semicolons").input_fn(b"1", None).tolist() == [[1]]


def test_a_child_registry_keeps_its_names_to_itself() -> None:
    registries = DEFAULT.child()
    registries.loaders.register("mine", Echo())
    assert compose("mine", registries=registries)
    with pytest.raises(UnknownNameError):
        compose("mine")


def test_later_registration_does_not_change_a_composed_handler() -> None:
    registries = DEFAULT.child()
    registries.serializers.register("s", Semicolons())
    handler = compose(Echo(), accepts="s", registries=registries)
    registries.serializers.register("s", Dangerous(), replace=True)
    assert handler.input_fn(b"1;2", "text/x-semicolons").tolist() == [[1, 2]]


def test_the_environment_overrides_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTMODE_RETURNS", "text/csv, json")
    assert roundtrip(compose(Echo()), b"[[1]]", None, None)[1] == "text/csv"
    assert roundtrip(compose(Echo(), returns="npy"), b"[[1]]", None, None)[1] == "application/x-npy"


def test_a_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTMODE_RETURN", "csv")
    with pytest.raises(UnknownNameError, match="did you mean 'SCRIPTMODE_RETURNS'"):
        compose(Echo())


def test_a_script_may_be_executed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "entry_of_test.py").write_text(
        "from scriptmode import compose, register_serializer\n"
        "class Mine:\n"
        "    media_types = ('text/x-mine',)\n"
        "    def decode(self, body, params): return body\n"
        "register_serializer('mine-of-test', Mine())\n"
        "h = compose('xgboost', accepts='mine-of-test')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("entry_of_test")
    assert importlib.reload(module).h


@pytest.mark.parametrize(
    "body", [b"[]", b'{"a": [], "b": [], "c": []}', b'{"columns": ["a", "b", "c"], "data": []}']
)
def test_no_rows_are_refused_in_every_layout(body: bytes) -> None:
    handler = compose(Sized())
    with pytest.raises(InvalidFeaturesError, match="no rows"):
        handler.predict_fn(handler.input_fn(body, "application/json"), "model")


def test_what_no_format_can_carry_is_not_the_callers_mistake() -> None:
    handler = compose(Echo(), returns=["json", "csv"])
    with pytest.raises(PredictionError, match="no declared format"):
        handler.output_fn(object(), None)
    with pytest.raises(NotAcceptableError):
        handler.output_fn({"a": 1}, "text/csv")


@pytest.mark.parametrize("media_types", ["text/x", (), ("text/x; version=1",), ("///",)])
def test_media_types_are_checked_when_the_script_is_imported(media_types: Any) -> None:
    serializer = Semicolons()
    serializer.media_types = media_types
    with pytest.raises(DeclarationError, match=r"Semicolons\.media_types"):
        compose(Echo(), accepts=serializer)


def test_options_of_what_is_not_declared_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="'csv'"):
        compose(Echo(), accepts="json", returns="json", options={"csv": {"header": True}})


@pytest.mark.parametrize("variable", ["SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_80_TCP"])
def test_what_kubernetes_injects_is_not_ours(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SCRIPTMODE_{variable}", "tcp://10.0.0.1:80")
    assert compose(Echo())
