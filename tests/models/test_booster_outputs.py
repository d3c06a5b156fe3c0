"""Everything a booster or a wrapper can be asked for, against the library's own methods."""

import io
import json
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from scriptmode import compose
from scriptmode.errors import DeclarationError, ModelLoadError, UnknownNameError
from scriptmode.models.base import OUTPUTS
from scriptmode.models.xgboost import XGBoost
from scriptmode.testing import invoke

RNG = np.random.default_rng(7)
X = np.round(RNG.normal(size=(40, 4)), 3)
X[3, 2] = X[17, 0] = np.nan
NAMES = list("abcd")
SCORE = np.nan_to_num(X) @ [1.0, -2.0, 0.5, 0.1]
POSITIVE = np.exp(SCORE / 4)
BINARY = (SCORE > 0).astype(int)
CLASSES = np.digitize(SCORE, [-1.0, 1.0])
TARGETS = np.column_stack([BINARY, SCORE < 1, CLASSES == 1]).astype(int)
GROUPS = np.repeat(np.arange(8), 5)
TABLE = xgb.DMatrix(X, nthread=1)
ALPHAS = [0.1, 0.5, 0.9]
RELEASE = tuple(map(int, xgb.__version__.split(".")[:2]))

LIBRARY: dict[str, dict[str, bool]] = {
    "value": {},
    "margin": {"output_margin": True},
    "leaf": {"pred_leaf": True},
    "contribs": {"pred_contribs": True},
}
PLAIN = set(LIBRARY)
LABELLED = PLAIN | {"label"}
CLASSIFIED = LABELLED | {"proba"}

# xgboost 3.3 deprecates training dart and gblinear; models of them are served all the same.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*deprecated", "ignore::pytest.PytestUnraisableExceptionWarning"
)
needs_2_0 = pytest.mark.skipif(RELEASE < (2, 0), reason="since xgboost 2.0")


class Case(NamedTuple):
    objective: str
    target: Any
    offered: set[str]
    options: Mapping[str, Any] = MappingProxyType({})


CASES = {
    "squarederror": Case("reg:squarederror", SCORE, PLAIN),
    "absoluteerror": Case("reg:absoluteerror", SCORE, PLAIN),
    "pseudohuber": Case("reg:pseudohubererror", SCORE, PLAIN),
    "squaredlog": Case("reg:squaredlogerror", POSITIVE, PLAIN),
    "logistic": Case("reg:logistic", BINARY, PLAIN),
    "gamma": Case("reg:gamma", POSITIVE, PLAIN),
    "tweedie": Case("reg:tweedie", POSITIVE, PLAIN, {"tweedie_variance_power": 1.3}),
    "quantiles": Case("reg:quantileerror", SCORE, PLAIN, {"quantile_alpha": ALPHAS}),
    "one quantile": Case("reg:quantileerror", SCORE, PLAIN, {"quantile_alpha": 0.3}),
    "several targets": Case("reg:squarederror", np.column_stack([SCORE, -SCORE]), PLAIN),
    "poisson": Case("count:poisson", np.rint(POSITIVE), PLAIN),
    "cox": Case("survival:cox", np.where(BINARY, POSITIVE, -POSITIVE), PLAIN),
    "aft": Case("survival:aft", POSITIVE, PLAIN),
    "pairwise": Case("rank:pairwise", BINARY, PLAIN),
    "ndcg": Case("rank:ndcg", CLASSES, PLAIN),
    "binary": Case("binary:logistic", BINARY, CLASSIFIED),
    "logitraw": Case("binary:logitraw", BINARY, LABELLED),
    "hinge": Case("binary:hinge", BINARY, LABELLED),
    "softmax": Case("multi:softmax", CLASSES, CLASSIFIED, {"num_class": 3}),
    "softprob": Case("multi:softprob", CLASSES, CLASSIFIED, {"num_class": 3}),
    "two classes": Case("multi:softprob", BINARY, CLASSIFIED, {"num_class": 2}),
    "several labels": Case("binary:logistic", TARGETS, CLASSIFIED),
    "dart regression": Case(
        "reg:squarederror", SCORE, PLAIN, {"booster": "dart", "rate_drop": 0.4, "seed": 1}
    ),
    "dart": Case(
        "binary:logistic", BINARY, CLASSIFIED, {"booster": "dart", "rate_drop": 0.4, "seed": 1}
    ),
    "dart classes": Case(
        "multi:softprob",
        CLASSES,
        CLASSIFIED,
        {"num_class": 3, "booster": "dart", "rate_drop": 0.4, "seed": 1},
    ),
    "forest": Case(
        "binary:logistic", BINARY, CLASSIFIED, {"num_parallel_tree": 3, "subsample": 0.6}
    ),
    "linear": Case("reg:squarederror", SCORE, PLAIN - {"leaf"}, {"booster": "gblinear"}),
    "linear binary": Case(
        "binary:logistic", BINARY, CLASSIFIED - {"leaf"}, {"booster": "gblinear"}
    ),
    "linear classes": Case(
        "multi:softprob", CLASSES, CLASSIFIED - {"leaf"}, {"num_class": 3, "booster": "gblinear"}
    ),
}
every_case = pytest.mark.parametrize("name", CASES)
every_tree_case = pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if case.options.get("booster") != "gblinear"]
)


def train(case: Case, names: list[str] | None = None, rounds: int = 5) -> Any:
    if case.objective == "reg:quantileerror" and RELEASE < (2, 0):
        pytest.skip("since xgboost 2.0")
    table = xgb.DMatrix(X, case.target, feature_names=names, nthread=1)
    if case.objective.startswith("rank:"):
        table.set_info(qid=GROUPS)
    if case.objective == "survival:aft":
        table.set_float_info("label_lower_bound", case.target)
        table.set_float_info("label_upper_bound", np.where(BINARY, case.target, np.inf))
    parameters = {"objective": case.objective, "max_depth": 3, "nthread": 1, **case.options}
    return xgb.train(parameters, table, rounds)


def booster(name: str, names: list[str] | None = None) -> Any:
    """As it comes back from a file."""
    raw = bytearray(train(CASES[name], names).save_raw("ubj"))
    return xgb.Booster({"nthread": 1}, model_file=raw)


def ask(model: Any, output: str, data: Any = X) -> Any:
    return XGBoost().outputs(model)[output](model, data)


def rows_of(matrix: Any) -> list[list[float | None]]:
    return [[None if np.isnan(cell) else cell for cell in row] for row in matrix.tolist()]


def same(found: Any, expected: Any) -> bool:
    return np.array_equal(found, expected, equal_nan=True)


def answer(model: Any, folder: Path, body: Any = None, **declared: Any) -> Any:
    XGBoost().save(model, folder)
    rows = rows_of(X) if body is None else body
    reply = invoke(
        compose("xgboost", **declared),
        json.dumps(rows),
        content_type="application/json",
        model_dir=folder,
    )
    return reply.raise_for_status().json()


@every_case
def test_outputs_of_the_library_are_the_librarys_bit_for_bit(name: str) -> None:
    model, case = booster(name), CASES[name]
    for output in case.offered & PLAIN:
        found = ask(model, output)
        expected = model.predict(TABLE, **LIBRARY[output])
        assert same(found, expected), output
        assert found.dtype == expected.dtype, output


@every_case
def test_an_objective_offers_what_it_can_answer_and_no_more(name: str) -> None:
    assert set(XGBoost().outputs(booster(name))) & set(OUTPUTS) == CASES[name].offered


@every_case
def test_every_output_has_a_row_for_each_row(name: str) -> None:
    model = booster(name)
    for output in XGBoost().outputs(model):
        assert len(ask(model, output)) == len(X), output


@every_tree_case
def test_one_row_is_answered_as_in_a_batch(name: str) -> None:
    model = booster(name)
    for output in CASES[name].offered:
        batch = ask(model, output)
        for row in (0, 3, 17):
            assert same(ask(model, output, X[row : row + 1]), batch[row : row + 1]), output


@every_case
def test_every_output_leaves_through_json_without_losing_a_bit(name: str, tmp_path: Path) -> None:
    model = booster(name)
    for output in CASES[name].offered:
        expected = ask(model, output)
        found = np.array(answer(model, tmp_path, predict=output), expected.dtype)
        assert same(found, expected), output


@every_case
def test_what_is_not_declared_is_the_value(name: str, tmp_path: Path) -> None:
    model = booster(name)
    expected = model.predict(TABLE)
    assert same(np.array(answer(model, tmp_path), np.float32), expected)


@pytest.mark.parametrize("name", ["binary", "two classes", "softprob", "dart", "dart classes"])
def test_probabilities_are_made_of_the_librarys_value(name: str) -> None:
    model = booster(name)
    value = model.predict(TABLE)
    if value.ndim == 1:
        assert same(ask(model, "label"), value > 0.5)
        assert same(ask(model, "proba"), np.column_stack([1.0 - value, value]))
    else:
        assert same(ask(model, "label"), value.argmax(axis=1))
        assert same(ask(model, "proba"), value)


CLASSIFIERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "binary": (BINARY, {}),
    "binary of gblinear": (BINARY, {"booster": "gblinear"}),
    "softprob": (CLASSES, {}),
    "softmax": (CLASSES, {"objective": "multi:softmax"}),
    "several labels": (TARGETS, {}),
    "two labels": (TARGETS[:, :2], {}),
    "several labels in one tree": (TARGETS, {"multi_strategy": "multi_output_tree"}),
}


def classifier(name: str) -> Any:
    target, options = CLASSIFIERS[name]
    if "multi_strategy" in options and RELEASE < (2, 0):
        pytest.skip("since xgboost 2.0")
    shape = {} if options.get("booster") == "gblinear" else {"max_depth": 3, "tree_method": "hist"}
    return xgb.XGBClassifier(n_estimators=5, n_jobs=1, **shape, **options).fit(X, target)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_label_and_proba_of_a_saved_classifier_are_its_own(name: str, tmp_path: Path) -> None:
    model = classifier(name)
    XGBoost().save(model, tmp_path)
    loaded = XGBoost().load(tmp_path)
    assert isinstance(loaded, xgb.Booster)
    assert same(ask(loaded, "label"), model.predict(X))
    assert same(ask(loaded, "proba"), model.predict_proba(X))
    assert ask(loaded, "label").dtype.kind == "i"
    assert ask(loaded, "proba").dtype == np.float32


def test_the_label_of_raw_scores_is_their_sign() -> None:
    model = booster("logitraw")
    margin = model.predict(TABLE, output_margin=True)
    assert 0 < (margin > 0).sum() < len(X)
    assert ((margin > 0) & (margin < 0.5)).any()
    assert same(ask(model, "label"), (margin > 0).astype(int))


def test_the_label_of_a_hinge_is_its_value_as_a_whole_number(tmp_path: Path) -> None:
    model = booster("hinge")
    value = model.predict(TABLE)
    assert set(value) == {0.0, 1.0}
    assert same(ask(model, "label"), value)
    text = json.dumps(answer(model, tmp_path, predict="label"))
    assert text == json.dumps(value.astype(int).tolist())


@needs_2_0
def test_every_output_that_vector_leaves_offer_is_answered() -> None:
    case = Case("binary:logistic", TARGETS, CLASSIFIED, {"multi_strategy": "multi_output_tree"})
    model = train(case)
    offered = XGBoost().outputs(model)
    assert {"value", "label", "proba", "margin", "leaf"} <= set(offered)
    for output in set(offered) & PLAIN:
        expected = model.predict(TABLE, **LIBRARY[output])
        assert same(ask(model, output), expected), output


@needs_2_0
def test_contributions_that_vector_leaves_lack_are_refused_at_load(tmp_path: Path) -> None:
    case = Case("reg:squarederror", TARGETS, PLAIN, {"multi_strategy": "multi_output_tree"})
    model = train(case)
    try:
        expected = model.predict(TABLE, pred_contribs=True)
    except xgb.core.XGBoostError:
        with pytest.raises(ModelLoadError, match="reg:squarederror"):
            answer(model, tmp_path, predict="contribs")
    else:
        found = answer(model, tmp_path, predict="contribs")
        assert same(np.array(found, np.float32), expected)


@pytest.mark.parametrize("output", sorted(PLAIN))
def test_a_single_tree_answers_in_the_librarys_shape(output: str) -> None:
    model = train(CASES["squarederror"], rounds=1)
    assert same(ask(model, output), model.predict(TABLE, **LIBRARY[output]))


def test_a_hand_made_dmatrix_is_asked_for_its_value_whether_that_is_declared_or_not(
    tmp_path: Path,
) -> None:
    XGBoost().save(booster("squarederror"), tmp_path)
    for declared in (None, "value"):
        handler = compose("xgboost", predict=declared)
        model = handler.model_fn(str(tmp_path))
        assert same(handler.predict_fn(TABLE, model), model.predict(TABLE)), declared


def test_a_booster_that_stopped_early_answers_with_all_its_rounds() -> None:
    halves = xgb.DMatrix(X[:20], SCORE[:20]), xgb.DMatrix(X[20:], SCORE[20:])
    model = xgb.train(
        {"max_depth": 4, "learning_rate": 0.9, "nthread": 1},
        halves[0],
        60,
        evals=[(halves[1], "unseen")],
        early_stopping_rounds=3,
        verbose_eval=False,
    )
    assert model.best_iteration + 1 < model.num_boosted_rounds()
    for output, options in LIBRARY.items():
        assert same(ask(model, output), model.predict(TABLE, **options)), output


@pytest.mark.parametrize("output", sorted(CLASSIFIED))
def test_named_columns_in_another_order_give_the_same_answer(output: str, tmp_path: Path) -> None:
    model = booster("softprob", NAMES)
    rows = [dict(zip(reversed(NAMES), row[::-1], strict=True)) for row in rows_of(X)]
    expected = ask(model, output, pd.DataFrame(X, columns=NAMES))
    found = np.array(answer(model, tmp_path, rows, predict=output), expected.dtype)
    assert same(found, expected)


def test_several_outputs_are_one_json_object_by_name(tmp_path: Path) -> None:
    model = booster("softprob")
    outputs = ["proba", "label", "contribs", "leaf", "margin", "value"]
    found = answer(model, tmp_path, predict=outputs)
    assert list(found) == outputs
    for output in outputs:
        expected = ask(model, output)
        assert same(np.array(found[output], expected.dtype), expected), output


def test_outputs_may_be_renamed(tmp_path: Path) -> None:
    model = booster("binary")
    declared = {"class": "label", "score": "value", "again": "value"}
    found = answer(model, tmp_path, predict=declared)
    assert list(found) == list(declared)
    expected = model.predict(TABLE)
    assert found["class"] == (expected > 0.5).astype(int).tolist()
    for name in ("score", "again"):
        assert same(np.array(found[name], np.float32), expected)
    assert answer(model, tmp_path, predict={"class": "label"}) == {"class": found["class"]}


@pytest.mark.parametrize("declared", ["label", ["label", "proba"]])
def test_the_environment_names_outputs_too(
    declared: str | list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = booster("binary")
    expected = answer(model, tmp_path, predict=declared)
    variable = declared if isinstance(declared, str) else ", ".join(declared)
    monkeypatch.setenv("SCRIPTMODE_PREDICT", variable)
    assert answer(model, tmp_path) == expected


def test_named_outputs_leave_through_every_format(tmp_path: Path) -> None:
    model = booster("softprob")
    XGBoost().save(model, tmp_path)
    label, proba = ask(model, "label"), ask(model, "proba")

    def reply(accept: str) -> bytes:
        handler = compose("xgboost", predict={"class": "label", "proba": "proba"})
        body = json.dumps(X[4:9].tolist())
        found = invoke(
            handler, body, content_type="application/json", accept=accept, model_dir=tmp_path
        )
        return found.raise_for_status().body

    lines = [json.loads(line) for line in reply("application/jsonlines").splitlines()]
    assert [line["class"] for line in lines] == label[4:9].tolist()
    assert same(np.array([line["proba"] for line in lines], np.float32), proba[4:9])
    table = pd.read_csv(io.BytesIO(reply("text/csv; header=present")))
    assert list(table.columns) == ["class", "proba"]
    assert table["class"].tolist() == label[4:9].tolist()
    cells = [json.loads(cell) for cell in table["proba"]]
    assert same(np.array(cells, np.float32), proba[4:9])
    with np.load(io.BytesIO(reply("application/x-npz"))) as arrays:
        assert same(arrays["class"], label[4:9])
        assert same(arrays["proba"], proba[4:9])
        assert arrays["proba"].dtype == np.float32


@pytest.mark.parametrize(
    ("declared", "nearest"),
    [
        ("prob", "proba"),
        ("probas", "proba"),
        ("lable", "label"),
        (["value", "leafs"], "leaf"),
        ({"shap": "contrib"}, "contribs"),
        ("margins", "margin"),
    ],
)
def test_a_misspelt_output_is_found_when_the_script_is_imported(
    declared: Any, nearest: str
) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{nearest}'"):
        compose("xgboost", predict=declared)


@pytest.mark.parametrize("declared", ["transform", "SHAP", ["value", "embedding"]])
def test_what_no_booster_answers_is_refused_when_the_script_is_imported(declared: Any) -> None:
    with pytest.raises(UnknownNameError, match="no output of 'xgboost' named"):
        compose("xgboost", predict=declared)


@pytest.mark.parametrize("declared", [[], {}, ["label", "label"], [1], {"score": 1}])
def test_a_declaration_that_names_nothing_or_twice_is_refused(declared: Any) -> None:
    with pytest.raises(DeclarationError):
        compose("xgboost", predict=declared)


@every_case
def test_an_output_that_the_objective_lacks_is_refused_when_the_model_is_loaded(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    XGBoost().save(booster(name), tmp_path)
    for output in set(XGBoost.output_names) & set(OUTPUTS) - case.offered:
        for declared in (output, ["value", output], {"renamed": output}):
            handler = compose("xgboost", predict=declared)
            with pytest.raises(ModelLoadError, match=f"'{output}'.*{case.objective}"):
                handler.model_fn(str(tmp_path))


def regressor(**options: Any) -> Any:
    return xgb.XGBRegressor(n_estimators=5, max_depth=3, n_jobs=1, **options).fit(X, SCORE)


def ranker() -> Any:
    return xgb.XGBRanker(n_estimators=5, max_depth=3, n_jobs=1).fit(X, CLASSES, qid=GROUPS)


def with_a_word_for_missing() -> Any:
    model = xgb.XGBRegressor(n_estimators=5, max_depth=3, n_jobs=1, missing=-9.0)
    return model.fit(np.nan_to_num(X, nan=-9.0), SCORE)


def stopped_early(wrapper: Any, target: Any, data: Any = X, **options: Any) -> Any:
    options = {"max_depth": 4, "learning_rate": 0.9, **options}
    model = wrapper(n_estimators=60, n_jobs=1, early_stopping_rounds=3, **options)
    return model.fit(data[:20], target[:20], eval_set=[(data[20:], target[20:])], verbose=False)


EARLY: dict[str, Callable[[], Any]] = {
    "regressor": lambda: stopped_early(xgb.XGBRegressor, SCORE),
    "binary": lambda: stopped_early(xgb.XGBClassifier, BINARY),
    "classes": lambda: stopped_early(xgb.XGBClassifier, CLASSES),
    "names": lambda: stopped_early(xgb.XGBClassifier, BINARY, pd.DataFrame(X, columns=NAMES)),
    "forest": lambda: stopped_early(
        xgb.XGBClassifier, BINARY, num_parallel_tree=3, subsample=0.6, random_state=1
    ),
    "dart": lambda: stopped_early(
        xgb.XGBRegressor, SCORE, booster="dart", rate_drop=0.4, random_state=1
    ),
    "several labels": lambda: stopped_early(xgb.XGBClassifier, TARGETS, tree_method="hist"),
}
WRAPPERS: dict[str, Callable[[], Any]] = {
    **{f"{name} classifier": partial(classifier, name) for name in CLASSIFIERS},
    **{f"{name} stopped early": make for name, make in EARLY.items()},
    "regressor": regressor,
    "regressor of gamma": lambda: xgb.XGBRegressor(
        n_estimators=5, n_jobs=1, objective="reg:gamma"
    ).fit(X, POSITIVE),
    "regressor of gblinear": lambda: xgb.XGBRegressor(
        n_estimators=5, n_jobs=1, booster="gblinear"
    ).fit(X, SCORE),
    "regressor of probabilities": lambda: xgb.XGBRegressor(
        n_estimators=5, n_jobs=1, objective="binary:logistic"
    ).fit(X, BINARY),
    "hinge": lambda: xgb.XGBClassifier(n_estimators=5, n_jobs=1, objective="binary:hinge").fit(
        X, BINARY
    ),
    "forest": lambda: xgb.XGBRFClassifier(n_estimators=5, n_jobs=1, random_state=1).fit(X, BINARY),
    "ranker": ranker,
    "word for missing": with_a_word_for_missing,
}


def of_the_wrapper(model: Any, output: str, data: Any) -> Any:
    """What the wrapper's own methods answer; it has none for contributions."""
    if output in ("value", "label"):
        return model.predict(data)
    if output == "proba":
        return model.predict_proba(data)
    if output == "margin":
        return model.predict(data, output_margin=True)
    if output == "leaf":
        return model.apply(data)
    best = getattr(model, "best_iteration", None) if model.early_stopping_rounds else None
    return model.get_booster().predict(
        xgb.DMatrix(data, missing=model.missing),
        pred_contribs=True,
        iteration_range=(0, 0 if best is None else best + 1),
    )


def request_of(model: Any) -> tuple[Any, Any]:
    """The rows as a request has them, and as the wrapper's own methods want them."""
    matrix = np.nan_to_num(X, nan=-9.0) if model.missing == -9.0 else X
    has_names = model.get_booster().feature_names is not None
    return matrix, pd.DataFrame(matrix, columns=NAMES) if has_names else matrix


@pytest.mark.parametrize("name", WRAPPERS)
def test_an_unpickled_wrapper_answers_as_its_own_methods_do(name: str, tmp_path: Path) -> None:
    model = WRAPPERS[name]()
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    loader = XGBoost(trusted=["pickle"])
    loaded = loader.load(tmp_path)
    assert type(loaded) is type(model)
    matrix, own = request_of(model)
    offered = loader.outputs(loaded)
    assert {"value", "margin"} <= set(offered) <= set(OUTPUTS)
    for output in offered:
        found, expected = offered[output](loaded, matrix), of_the_wrapper(model, output, own)
        assert same(found, expected), output
        assert found.dtype == expected.dtype, output


@pytest.mark.parametrize("name", EARLY)
def test_a_wrapper_that_stopped_early_answers_with_its_best_rounds(
    name: str, tmp_path: Path
) -> None:
    model = EARLY[name]()
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    loader = XGBoost(trusted=["pickle"])
    offered, loaded = loader.outputs(loader.load(tmp_path)), loader.load(tmp_path)
    assert {"contribs", "leaf", "margin"} <= set(offered)
    margin = offered["margin"](loaded, X)
    np.testing.assert_allclose(offered["contribs"](loaded, X).sum(axis=-1), margin, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("binary classifier", CLASSIFIED),
        ("softprob classifier", CLASSIFIED),
        ("softmax classifier", CLASSIFIED),
        ("several labels classifier", CLASSIFIED),
        ("binary of gblinear classifier", CLASSIFIED - {"leaf"}),
        ("hinge", LABELLED),
        ("regressor", PLAIN),
        ("regressor of gblinear", PLAIN - {"leaf"}),
        ("regressor of probabilities", PLAIN),
        ("ranker", PLAIN),
    ],
)
def test_a_wrapper_offers_what_its_methods_answer(name: str, offered: set[str]) -> None:
    assert set(XGBoost().outputs(WRAPPERS[name]())) == offered


@pytest.mark.parametrize("output", sorted(CLASSIFIED))
@pytest.mark.parametrize("name", ["classes stopped early", "names stopped early"])
def test_an_unpickled_wrapper_is_asked_through_the_four_functions(
    name: str, output: str, tmp_path: Path
) -> None:
    model = WRAPPERS[name]()
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    handler = compose("xgboost", predict=output, trusted=["pickle"])
    body = json.dumps(rows_of(X))
    reply = invoke(handler, body, content_type="application/json", model_dir=tmp_path)
    expected = of_the_wrapper(model, output, request_of(model)[1])
    assert same(np.array(reply.raise_for_status().json(), expected.dtype), expected)


def test_what_a_wrapper_lacks_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(regressor()))
    for output in ("proba", "label"):
        handler = compose("xgboost", predict=output, trusted=["pickle"])
        with pytest.raises(ModelLoadError, match=f"'{output}'.*reg:squarederror"):
            handler.model_fn(str(tmp_path))
