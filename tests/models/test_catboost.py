import json
from pathlib import Path
from typing import Any

import catboost as cb
import numpy as np
import pytest

from scriptmode import compose
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.catboost import CatBoost
from scriptmode.models.versions import Library
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from tests.models.tables import BINARY, FRAME, GAPS, MIXED, NUMBERS, THREE

QUIET = {"iterations": 8, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
WORDS = np.array(["low", "middle", "high"])
AS_TRAINED = MIXED.assign(doors=MIXED.doors.astype(int))


def regressor(table: Any = GAPS, **more: Any) -> Any:
    return cb.CatBoostRegressor(**QUIET, **more).fit(table, np.abs(NUMBERS))


def classifier(labels: Any, table: Any = GAPS, **more: Any) -> Any:
    return cb.CatBoostClassifier(**QUIET, **more).fit(table, labels)


class CatBoostSuite(LoaderSuite):
    is_exact = True

    def loader(self) -> Any:
        return CatBoost()

    def data(self) -> Any:
        return GAPS

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data)


class TestRegression(CatBoostSuite):
    def model(self) -> Any:
        return regressor()


class TestExponent(CatBoostSuite):
    """Whose ``predict`` is not the sum of its trees."""

    def model(self) -> Any:
        return regressor(loss_function="Poisson")


class TestClassesInWords(CatBoostSuite):
    def model(self) -> Any:
        return classifier(WORDS[THREE])

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data)


class TestCategories(CatBoostSuite):
    def model(self) -> Any:
        return classifier(BINARY, AS_TRAINED, cat_features=["colour", "doors"])

    def data(self) -> Any:
        return MIXED

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data.assign(doors=data.doors.astype(int)))


def as_json(folder: Path) -> Path:
    path = folder / "model.json"
    regressor().save_model(str(path), format="json")
    return path


def test_json_is_read_but_not_written_for_it_does_not_keep_every_digit(tmp_path: Path) -> None:
    path = as_json(tmp_path)
    own = cb.CatBoostRegressor().load_model(str(path), format="json")
    assert_equal(CatBoost().predict(CatBoost().load(tmp_path), GAPS), own.predict(GAPS))
    with pytest.raises(DeclarationError, match=r"every digit.*\.cbm"):
        CatBoost(file="model.json").save(regressor(), tmp_path)


@pytest.mark.parametrize("labels", [BINARY, THREE, WORDS[THREE], WORDS[BINARY]])
def test_every_output_is_what_the_library_answers(labels: Any) -> None:
    model, loader = classifier(labels), CatBoost(threads=1)
    outputs = {name: ask(model, GAPS) for name, ask in loader.outputs(model).items()}
    assert outputs["label"].tolist() == model.predict(GAPS).ravel().tolist()
    assert_equal(outputs["proba"], model.predict_proba(GAPS))
    assert_equal(outputs["margin"], model.predict(GAPS, prediction_type="RawFormulaVal"))
    assert_equal(outputs["leaf"], model.calc_leaf_indexes(GAPS))
    np.testing.assert_allclose(outputs["contribs"].sum(axis=-1), outputs["margin"], atol=1e-9)
    assert loader.signature(model).classes == tuple(sorted(set(labels.tolist())))


def test_a_regressor_has_no_probabilities_which_the_library_would_make_up() -> None:
    assert set(CatBoost().outputs(regressor())) == {"value", "margin", "leaf", "contribs"}


def test_contributions_with_categories() -> None:
    model = TestCategories().model()
    found = CatBoost().outputs(model)["contribs"](model, MIXED)
    assert found.shape == (60, 8)


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("doors", np.nan, "row 2, field 'doors': the category is missing"),
        ("doors", 2.5, "row 2, field 'doors': the category '2.5' is neither text nor whole"),
        ("colour", None, "row 2, field 'colour': the category is missing"),
        ("a", "x", "row 2, field 'a': 'x' is not a number"),
    ],
)
def test_a_cell_that_the_model_cannot_take_is_named(column: str, cell: Any, problem: str) -> None:
    frame = MIXED.head(3).astype({column: object})
    frame.loc[1, column] = cell
    with pytest.raises(InvalidFeaturesError, match=problem):
        CatBoost().predict(TestCategories().model(), frame)


def test_a_request_of_more_columns_is_refused_which_the_library_would_ignore(
    tmp_path: Path,
) -> None:
    CatBoost().save(regressor(), tmp_path)
    reply = invoke(compose("catboost"), "1,2,3,4,5,6", content_type="text/csv", model_dir=tmp_path)
    assert reply.status == 422


def test_named_columns_are_put_in_order(tmp_path: Path) -> None:
    model = regressor(FRAME)
    CatBoost().save(model, tmp_path)
    rows = FRAME[list("edcba")].head(3).to_dict("records")
    reply = invoke(compose("catboost"), json.dumps(rows), model_dir=tmp_path)
    assert reply.json() == model.predict(FRAME.head(3)).tolist()


@pytest.mark.parametrize("part", ["features_info", "oblivious_trees", "scale_and_bias"])
def test_json_with_a_part_missing_is_refused_which_the_library_takes(
    tmp_path: Path, part: str
) -> None:
    path = as_json(tmp_path)
    document = json.loads(path.read_text())
    del document[part]
    path.write_text(json.dumps(document))
    with pytest.raises(ModelLoadError, match=r"is incomplete|could be the model"):
        CatBoost().load(tmp_path)


def test_json_with_leaves_missing_is_refused(tmp_path: Path) -> None:
    path = as_json(tmp_path)
    document = json.loads(path.read_text())
    del document["oblivious_trees"][3]["leaf_values"][-1]
    path.write_text(json.dumps(document))
    with pytest.raises(ModelLoadError, match="tree 3 lacks leaves"):
        CatBoost().load(tmp_path)


def test_the_release_that_wrote_the_file_is_held_against_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CatBoost().save(regressor(), tmp_path)
    monkeypatch.setattr(Library, "installed", lambda _: "1.1.0")
    with pytest.raises(ModelLoadError, match=r"written by catboost 1\.\d+.*found 1\.1\.0"):
        CatBoost().load(tmp_path)
    assert CatBoost(versions="ignore").load(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = CatBoost().save(regressor(), tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelLoadError, match=r"model\.cbm is a CatBoost model that ends too early"):
        CatBoost().load(tmp_path)


def test_json_that_begins_with_statistics_of_categories_is_told(tmp_path: Path) -> None:
    table = AS_TRAINED.assign(colour=[f"c{number}" for number in range(60)])
    model = classifier(BINARY, table, cat_features=["colour", "doors"], one_hot_max_size=2)
    model.save_model(str(tmp_path / "m"), format="json", pool=None)
    assert CatBoost().locate(tmp_path) == [tmp_path / "m"]


@pytest.mark.parametrize("trees", [None, [{}], [{"splits": []}]])
def test_json_of_another_shape_is_refused(tmp_path: Path, trees: Any) -> None:
    path = as_json(tmp_path)
    document = {**json.loads(path.read_text()), "oblivious_trees": trees}
    path.write_text(json.dumps(document))
    with pytest.raises(ModelLoadError):
        CatBoost().load(tmp_path)
