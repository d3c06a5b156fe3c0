import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
import skl2onnx
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from scriptmode import compose
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.onnx import Onnx
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from tests.models.tables import BINARY, MIXED, NUMBERS, THREE, X

FLOATS = X.astype(np.float32)


def convert(estimator: Any, **options: Any) -> Any:
    chosen = {id(estimator): options} if options else None
    return skl2onnx.to_onnx(estimator, FLOATS[:1], options=chosen)


def session(model: Any) -> Any:
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


class OnnxSuite(LoaderSuite):
    is_exact = True

    def loader(self) -> Any:
        return Onnx(threads=1)

    def model(self) -> Any:
        return session(self.proto())

    def proto(self) -> Any:
        raise AssertionError("each suite converts a model of its own")

    def data(self) -> Any:
        return X

    def write(self, model: Any, model_dir: Path) -> None:
        assert self.loader().save(self.proto(), model_dir).is_file()

    def expected(self, model: Any, data: Any) -> Any:
        return model.run(None, {"X": data.astype(np.float32)})[0]


class TestRegression(OnnxSuite):
    def proto(self) -> Any:
        return convert(LinearRegression().fit(X, NUMBERS))


class TestClassifier(OnnxSuite):
    def proto(self) -> Any:
        return convert(LogisticRegression().fit(X, BINARY))


def add(rows: Any) -> Any:
    """Two inputs and two outputs: their sum and their difference."""
    shape = [rows, 2]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("left", "right", "sum", "difference")
    ]
    nodes = [
        helper.make_node("Add", ["left", "right"], ["sum"]),
        helper.make_node("Sub", ["left", "right"], ["difference"]),
    ]
    graph = helper.make_graph(nodes, "add", values[:2], values[2:])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


class TestNamedTensors(OnnxSuite):
    def proto(self) -> Any:
        return add(None)

    def data(self) -> Any:
        return {"left": X[:, :2], "right": X[:, 2:4]}

    def expected(self, model: Any, data: Any) -> Any:
        feed = {name: part.astype(np.float32) for name, part in data.items()}
        return dict(zip(("sum", "difference"), model.run(None, feed), strict=True))


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("labels", [BINARY, THREE, np.array(["no", "yes"])[BINARY]])
def test_labels_and_probabilities_of_a_classifier(
    tmp_path: Path, labels: Any, *, zipmap: bool
) -> None:
    estimator = LogisticRegression().fit(X, labels)
    Onnx().save(convert(estimator, zipmap=zipmap), tmp_path)
    model = Onnx().load(tmp_path)
    outputs = Onnx().outputs(model)
    assert outputs["label"](model, X).tolist() == estimator.predict(X).tolist()
    np.testing.assert_allclose(outputs["proba"](model, X), estimator.predict_proba(X), atol=1e-5)


def test_each_column_may_be_an_input_of_its_own(tmp_path: Path) -> None:
    encoder = make_column_transformer(
        (OneHotEncoder(), ["colour"]), ("passthrough", ["a", "doors"])
    )
    estimator = make_pipeline(encoder, LogisticRegression())
    frame = MIXED[["a", "doors", "colour"]]
    estimator.fit(frame, BINARY)
    kinds = [
        ("a", skl2onnx.common.data_types.FloatTensorType([None, 1])),
        ("doors", skl2onnx.common.data_types.FloatTensorType([None, 1])),
        ("colour", skl2onnx.common.data_types.StringTensorType([None, 1])),
    ]
    Onnx().save(skl2onnx.to_onnx(estimator, initial_types=kinds), tmp_path)
    rows = frame[["colour", "doors", "a"]].head(5).to_dict("records")
    reply = invoke(compose("onnx"), json.dumps(rows), model_dir=tmp_path)
    assert reply.raise_for_status().json() == estimator.predict(frame.head(5)).tolist()
    del rows[2]["colour"]
    rows[2]["colour"] = None
    reply = invoke(compose("onnx"), json.dumps(rows), model_dir=tmp_path)
    assert reply.status == 422
    assert "row 3" in reply.json()["message"]


def test_inputs_that_are_columns_of_numbers_are_put_in_order(tmp_path: Path) -> None:
    frame = MIXED[["a", "b", "c"]]
    kinds = [(name, skl2onnx.common.data_types.FloatTensorType([None, 1])) for name in frame]
    passing = make_column_transformer(("passthrough", list(frame)))
    estimator = make_pipeline(passing, LinearRegression()).fit(frame, NUMBERS)
    Onnx().save(skl2onnx.to_onnx(estimator, initial_types=kinds), tmp_path)
    turned = frame[["c", "a", "b"]].head(4)
    expected = estimator.predict(frame.head(4))
    for body, content_type in (
        (turned.to_json(orient="records"), "application/json"),
        (turned.to_csv(index=False), "text/csv; header=present"),
        (frame.head(4).to_csv(index=False, header=False), "text/csv"),
    ):
        reply = invoke(compose("onnx"), body, content_type=content_type, model_dir=tmp_path)
        np.testing.assert_allclose(
            np.ravel(reply.raise_for_status().json()), expected, rtol=1e-4, atol=1e-5
        )


def test_a_model_of_one_row_is_asked_row_by_row(tmp_path: Path) -> None:
    Onnx().save(add(1), tmp_path)
    model, whole = Onnx().load(tmp_path), session(add(None))
    data = {"left": X[:, :2], "right": X[:, 2:4]}
    found = Onnx().predict(model, data)
    assert_equal(found, TestNamedTensors().expected(whole, data))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (X[:, :4], r"shape \(60, 4\) is not 'X' of shape \(any, 5\)"),
        (np.where(X > 2, 1e300, X), "is beyond float32"),
        (pd.DataFrame({0: ["x"]}), "'x' is not a number"),
        ({"Y": X}, "the input 'X' is missing"),
        ({"X": X, "Y": X}, "the model has no input 'Y'"),
    ],
)
def test_what_the_model_cannot_take_is_named(data: Any, problem: str) -> None:
    model = session(convert(LinearRegression().fit(X, NUMBERS)))
    with pytest.raises(InvalidFeaturesError, match=problem):
        Onnx().predict(model, data)


def test_a_model_that_is_newer_than_the_runtime_says_so(tmp_path: Path) -> None:
    model = add(None)
    model.ir_version = 99
    Onnx().save(model, tmp_path)
    with pytest.raises(ModelLoadError, match=r"onnxruntime .* can read: .*99"):
        Onnx().load(tmp_path)


def test_a_session_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"give an onnx\.ModelProto"):
        Onnx().save(session(add(None)), tmp_path)


def test_weights_beside_the_model_are_read_and_those_elsewhere_are_not(tmp_path: Path) -> None:
    weights = helper.make_tensor("W", TensorProto.FLOAT, [2], np.ones(2, "f4").tobytes(), raw=True)
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 2]) for n in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "W"], ["y"])], "g", values[:1], values[1:], [weights]
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    inside = tmp_path / "inside"
    inside.mkdir()
    onnx.save(
        model,
        inside / "model.onnx",
        save_as_external_data=True,
        size_threshold=0,
        location="weights.bin",
    )
    assert_equal(Onnx().predict(Onnx().load(inside), X[:, :2]), X[:, :2].astype("f4") + 1)
    raw = (inside / "model.onnx").read_bytes()
    (inside / "model.onnx").write_bytes(raw.replace(b"weights.bin", b"../ghts.bin"))
    (inside / "weights.bin").rename(tmp_path / "ghts.bin")
    with pytest.raises(ModelLoadError, match=r"model\.onnx"):
        Onnx().load(inside)


def test_an_accelerator_that_is_not_there_is_refused_and_auto_falls_back(tmp_path: Path) -> None:
    Onnx().save(add(None), tmp_path)
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        with pytest.raises(ModelLoadError, match="device='cuda': this onnxruntime has"):
            Onnx(device="cuda").load(tmp_path)
    assert Onnx(device="auto").load(tmp_path).get_providers()
    assert Onnx(device="cpu").load(tmp_path).get_providers() == ["CPUExecutionProvider"]


def pair(first: Any, second: Any) -> Any:
    """Whole numbers and floats of those shapes, which no classifier made."""
    values = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2]),
        helper.make_tensor_value_info("n", TensorProto.INT64, first),
        helper.make_tensor_value_info("e", TensorProto.FLOAT, second),
    ]
    nodes = [
        helper.make_node("Cast", ["x"], ["n"], to=TensorProto.INT64),
        helper.make_node("Identity", ["x"], ["e"]),
    ]
    graph = helper.make_graph(nodes, "pair", values[:1], values[1:])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


def test_two_outputs_that_are_no_labels_and_probabilities_are_both_answered() -> None:
    found = Onnx().predict(session(pair([None, 2], [None, 2])), X[:, :2])
    assert set(found) == {"n", "e"}
    assert "label" not in Onnx().outputs(session(pair([None, 2], [None, 2])))


def test_an_input_of_one_row_beside_one_of_many_is_no_model_of_one_row() -> None:
    model = add(None)
    model.graph.input[1].type.tensor_type.shape.dim[0].dim_value = 1
    data = {"left": X[:3, :2], "right": X[:1, 2:4]}
    found = Onnx().predict(session(model), data)
    np.testing.assert_allclose(found["sum"], X[:3, :2] + X[:1, 2:4], atol=1e-6)


@pytest.mark.parametrize("rows", [None, 1])
def test_rows_of_one_input_are_not_dropped(rows: Any) -> None:
    data = {"left": X[:2, :2], "right": X[:3, 2:4]}
    with pytest.raises(InvalidFeaturesError, match=r"'left': 2, 'right': 3"):
        Onnx().predict(session(add(rows)), data)
