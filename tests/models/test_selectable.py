"""Selectable inference, against what SageMaker's XGBoost container is known to answer."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from scriptmode import compose
from scriptmode.errors import DeclarationError, ModelLoadError, UnknownNameError
from scriptmode.models.selectable import KEYS
from scriptmode.models.xgboost import XGBoost
from scriptmode.testing import invoke

RNG = np.random.default_rng(11)
X = np.round(RNG.normal(size=(30, 3)), 3)
SCORE = X @ [1.0, -2.0, 0.5]
BINARY = (SCORE > 0).astype(int)
CLASSES = np.digitize(SCORE, [-1.0, 1.0])
POSITIVE = np.exp(SCORE / 4)
RELEASE = tuple(map(int, xgb.__version__.split(".")[:2]))
TABLE = xgb.DMatrix(X, nthread=1)

CLASSIFICATION = ("predicted_label", "labels", "raw_score", "raw_scores")
PROBABILITY = ("probability", "probabilities")
ALLOWED: dict[str, tuple[str, ...]] = {
    "reg:squarederror": ("predicted_score",),
    "reg:logistic": ("predicted_score",),
    "reg:gamma": ("predicted_score",),
    "reg:absoluteerror": ("predicted_score",),
    "reg:tweedie": ("predicted_score",),
    "binary:logistic": CLASSIFICATION + PROBABILITY,
    "binary:logitraw": CLASSIFICATION,
    "binary:hinge": CLASSIFICATION,
    "multi:softmax": CLASSIFICATION,
    "multi:softprob": CLASSIFICATION + PROBABILITY,
}
every_objective = pytest.mark.parametrize("objective", ALLOWED)


def train(objective: str, target: Any = None, rounds: int = 5, **options: Any) -> Any:
    """A booster as it comes back from a file, with the target that its objective asks for."""
    if target is None and objective.startswith("multi:"):
        target, options = CLASSES, {"num_class": 3, **options}
    elif target is None and objective.startswith(("binary:", "rank:", "reg:logistic")):
        target = BINARY
    elif target is None:
        target = POSITIVE
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1, **options}
    model = xgb.train(parameters, xgb.DMatrix(X, target, nthread=1), rounds)
    return xgb.Booster({"nthread": 1}, model_file=bytearray(model.save_raw("ubj")))


def of_the_container(objective: str, model: Any, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """One object a row, of Python's own numbers, as section 2.3 of the contract tells them."""
    prediction = model.predict(TABLE, validate_features=False)
    config = json.loads(model.save_config())["learner"]
    class_count = int(config["learner_model_param"]["num_class"])
    return [
        {key: _cell(key, objective, row.tolist(), class_count) for key in keys}
        for row in prediction
    ]


def _cell(key: str, objective: str, row: Any, class_count: int) -> Any:
    is_list = isinstance(row, list)
    if key == "predicted_label":
        if is_list:
            return row.index(max(row))
        threshold = {"binary:logistic": 0.5, "binary:logitraw": 0.0}.get(objective)
        return row if threshold is None else int(row > threshold)
    if key == "labels":
        return [0, 1] if objective.startswith("binary:") else list(range(class_count))
    if key in ("probabilities", "raw_scores"):
        return row if is_list else [1.0 - row, row]
    return max(row) if is_list else row


def as_csv(objects: list[dict[str, Any]], keys: tuple[str, ...]) -> str:
    def cell(value: Any) -> str:
        return f'"{value}"' if isinstance(value, list) else str(value)

    return "\n".join(",".join(cell(row[key]) for key in keys) for row in objects)


@pytest.fixture(autouse=True)
def outside_of_sagemaker(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SAGEMAKER_INFERENCE_OUTPUT", "SAGEMAKER_BATCH"):
        monkeypatch.delenv(variable, raising=False)


def text(folder: Path, accept: str, **declared: Any) -> str:
    handler = compose("xgboost", **declared)
    body = json.dumps(X.tolist())
    reply = invoke(handler, body, content_type="application/json", accept=accept, model_dir=folder)
    assert reply.raise_for_status().content_type == accept
    return reply.text


def exact(value: Any) -> str:
    """Told apart are 1 and 1.0, and every double; the order of an object's keys is not."""
    return json.dumps(value, sort_keys=True)


@every_objective
def test_json_is_an_object_a_row_under_predictions(objective: str, tmp_path: Path) -> None:
    model, keys = train(objective), ALLOWED[objective]
    XGBoost().save(model, tmp_path)
    found = json.loads(text(tmp_path, "application/json", predict=list(keys)))
    assert exact(found) == exact({"predictions": of_the_container(objective, model, keys)})


@every_objective
def test_json_lines_are_an_object_a_line_and_every_line_is_ended(
    objective: str, tmp_path: Path
) -> None:
    model, keys = train(objective), ALLOWED[objective]
    XGBoost().save(model, tmp_path)
    body = text(tmp_path, "application/jsonlines", predict=list(keys))
    assert body.endswith("}\n")
    lines = [json.loads(line) for line in body[:-1].split("\n")]
    assert exact(lines) == exact(of_the_container(objective, model, keys))


@every_objective
def test_csv_is_the_containers_byte_for_byte(objective: str, tmp_path: Path) -> None:
    model, keys = train(objective), ALLOWED[objective]
    XGBoost().save(model, tmp_path)
    for order in (keys, keys[::-1], keys[1:] + keys[:1], keys[:1]):
        found = text(tmp_path, "text/csv", predict=list(order))
        assert found == as_csv(of_the_container(objective, model, order), order)


@every_objective
def test_every_single_key_is_the_containers(objective: str, tmp_path: Path) -> None:
    model = train(objective)
    XGBoost().save(model, tmp_path)
    for key in ALLOWED[objective]:
        expected = of_the_container(objective, model, (key,))
        found = json.loads(text(tmp_path, "application/json", predict=[key]))
        assert exact(found) == exact({"predictions": expected}), key
        assert text(tmp_path, "text/csv", predict=[key]) == as_csv(expected, (key,)), key


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob", "reg:squarederror"])
@pytest.mark.parametrize("batch", ["1", "true", "false"])
def test_batch_transform_gets_the_last_lines_end_whatever_the_variable_says(
    objective: str, batch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, keys = train(objective), ALLOWED[objective]
    XGBoost().save(model, tmp_path)
    monkeypatch.setenv("SAGEMAKER_BATCH", batch)
    expected = as_csv(of_the_container(objective, model, keys), keys) + "\n"
    assert text(tmp_path, "text/csv", predict=list(keys)) == expected


@pytest.mark.parametrize(
    ("variable", "keys"),
    [
        ("predicted_label", ("predicted_label",)),
        ("predicted_label,probabilities", ("predicted_label", "probabilities")),
        (" Probabilities , predicted_LABEL ", ("probabilities", "predicted_label")),
        ("raw_scores, raw_score,labels", ("raw_scores", "raw_score", "labels")),
    ],
)
def test_the_containers_variable_says_what_is_answered(
    variable: str, keys: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train("binary:logistic")
    XGBoost().save(model, tmp_path)
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", variable)
    expected = of_the_container("binary:logistic", model, keys)
    assert text(tmp_path, "text/csv") == as_csv(expected, keys)
    found = json.loads(text(tmp_path, "application/json"))
    assert exact(found) == exact({"predictions": expected})
    lines = text(tmp_path, "application/jsonlines").splitlines()
    assert exact([json.loads(line) for line in lines]) == exact(expected)


def test_what_the_script_declares_goes_before_the_containers_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train("binary:logistic")
    XGBoost().save(model, tmp_path)
    value = model.predict(TABLE)
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", "predicted_label")
    found = json.loads(text(tmp_path, "application/json", predict="value"))
    assert found == json.loads(text(tmp_path, "application/json", predict=["value"]))["value"]
    assert np.array_equal(np.array(found, np.float32), value)
    monkeypatch.setenv("SCRIPTMODE_PREDICT", "label")
    assert json.loads(text(tmp_path, "application/json")) == (value > 0.5).astype(int).tolist()


def test_an_empty_variable_declares_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    XGBoost().save(train("binary:logistic"), tmp_path)
    expected = text(tmp_path, "text/csv")
    assert expected.endswith("\n")
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", "")
    assert text(tmp_path, "text/csv") == expected


def test_numbers_have_all_the_digits_of_the_single_precision(tmp_path: Path) -> None:
    model = train("reg:squarederror")
    XGBoost().save(model, tmp_path)
    digits = [repr(float(value)) for value in model.predict(TABLE)]
    assert max(map(len, digits)) > len("0.12345678")
    keys = ["predicted_score"]
    assert text(tmp_path, "text/csv", predict=keys).split("\n") == digits
    for accept in ("application/json", "application/jsonlines"):
        body = text(tmp_path, accept, predict=keys)
        assert all(f'"predicted_score":{number}' in body for number in digits)


@pytest.mark.parametrize("scale", [1e-9, 1e9, 1e20])
def test_very_small_and_very_large_scores_are_written_as_python_writes_them(
    scale: float, tmp_path: Path
) -> None:
    model = train("reg:squarederror", POSITIVE * scale)
    XGBoost().save(model, tmp_path)
    keys = ("predicted_score",)
    expected = of_the_container("reg:squarederror", model, keys)
    assert text(tmp_path, "text/csv", predict=list(keys)) == as_csv(expected, keys)
    found = json.loads(text(tmp_path, "application/json", predict=list(keys)))
    assert exact(found) == exact({"predictions": expected})


def test_probabilities_near_none_are_lists_as_python_writes_them(tmp_path: Path) -> None:
    options = {"learning_rate": 1.0, "reg_lambda": 0.0, "min_child_weight": 0.0, "max_depth": 6}
    model = train("binary:logistic", rounds=20, **options)
    XGBoost().save(model, tmp_path)
    keys = ("probabilities", "raw_scores", "probability")
    expected = as_csv(of_the_container("binary:logistic", model, keys), keys)
    assert "e-" in expected
    assert text(tmp_path, "text/csv", predict=list(keys)) == expected


def test_a_single_row_is_laid_out_alike(tmp_path: Path) -> None:
    model, keys = train("multi:softprob"), ("labels", "predicted_label", "probabilities")
    XGBoost().save(model, tmp_path)
    expected = of_the_container("multi:softprob", model, keys)[4:5]

    def reply(accept: str) -> str:
        handler, body = compose("xgboost", predict=list(keys)), json.dumps(X[4].tolist())
        found = invoke(
            handler, body, content_type="application/json", accept=accept, model_dir=tmp_path
        )
        return found.raise_for_status().text

    assert reply("text/csv") == as_csv(expected, keys)
    assert exact(json.loads(reply("application/json"))) == exact({"predictions": expected})
    assert exact(json.loads(reply("application/jsonlines"))) == exact(expected[0])


def test_keys_beside_outputs_of_ours_are_no_selectable_inference(tmp_path: Path) -> None:
    model = train("binary:logistic")
    XGBoost().save(model, tmp_path)
    found = json.loads(text(tmp_path, "application/json", predict=["label", "probability"]))
    assert set(found) == {"label", "probability"}
    assert found["probability"] == model.predict(TABLE).tolist()
    assert text(tmp_path, "text/csv", predict=["label", "probability"]).endswith("\n")


def test_a_key_that_is_asked_for_alone_is_a_plain_answer(tmp_path: Path) -> None:
    model = train("binary:logistic")
    XGBoost().save(model, tmp_path)
    found = json.loads(text(tmp_path, "application/json", predict="probability"))
    assert found == model.predict(TABLE).tolist()


def refused(folder: Path, keys: list[str], objective: str) -> None:
    for declared in (keys, [*keys, "value"], {"renamed": keys[0]}):
        handler = compose("xgboost", predict=declared)
        with pytest.raises(ModelLoadError, match=f"'{keys[0]}'.*{objective}"):
            handler.model_fn(str(folder))


@every_objective
def test_a_key_that_the_objective_does_not_allow_is_refused_at_load(
    objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    XGBoost().save(train(objective), tmp_path)
    for key in set(KEYS) - set(ALLOWED[objective]):
        refused(tmp_path, [key], objective)
        monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", f"{ALLOWED[objective][0]},{key}")
        with pytest.raises(ModelLoadError, match=f"'{key}'.*{objective}"):
            compose("xgboost").model_fn(str(tmp_path))


@pytest.mark.parametrize("objective", ["count:poisson", "rank:pairwise", "survival:cox"])
def test_an_objective_that_the_container_refuses_allows_no_key(
    objective: str, tmp_path: Path
) -> None:
    XGBoost().save(train(objective), tmp_path)
    for key in KEYS:
        refused(tmp_path, [key], objective)


@pytest.mark.parametrize(
    ("objective", "target"),
    [
        ("reg:squarederror", np.column_stack([SCORE, -SCORE])),
        ("binary:logistic", np.column_stack([BINARY, CLASSES == 1, CLASSES == 2])),
        ("binary:logitraw", np.column_stack([BINARY, CLASSES == 1])),
        ("binary:hinge", np.column_stack([BINARY, CLASSES == 1])),
    ],
)
def test_several_targets_of_which_the_container_makes_a_500_are_refused_at_load(
    objective: str, target: Any, tmp_path: Path
) -> None:
    if objective == "binary:hinge" and RELEASE < (2, 0):
        pytest.skip("since xgboost 2.0")
    XGBoost().save(train(objective, target), tmp_path)
    for key in set(ALLOWED[objective]) - {"labels"}:
        refused(tmp_path, [key], objective)


@pytest.mark.parametrize("keys", [["predicted_labels"], ["probability", "probabilites"]])
def test_an_unknown_key_is_found_when_the_script_is_imported(
    keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        compose("xgboost", predict=keys)
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", ",".join(keys))
    with pytest.raises(UnknownNameError, match="did you mean"):
        compose("xgboost")


def test_a_key_that_stands_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", "labels,Labels")
    with pytest.raises(DeclarationError, match="twice"):
        compose("xgboost")


def test_the_oracle_tells_of_the_contracts_examples() -> None:
    half = np.float32(0.6).tolist()
    assert _cell("predicted_label", "binary:logistic", 0.5, 0) == 0
    assert _cell("raw_scores", "binary:logistic", half, 0) == [1.0 - half, half]
    assert _cell("raw_scores", "multi:softmax", 2.0, 3) == [-1.0, 2.0]
    assert repr(_cell("predicted_label", "binary:hinge", 1.0, 0)) == "1.0"
    assert _cell("labels", "multi:softprob", [0.1, 0.9], 2) == [0, 1]
    assert math.isclose(_cell("probability", "multi:softprob", [0.1, 0.9], 2), 0.9)
    assert as_csv([{"a": 1, "b": [0.1, 0.9]}, {"a": 0, "b": [1.0, 0.0]}], ("a", "b")) == (
        '1,"[0.1, 0.9]"\n0,"[1.0, 0.0]"'
    )
