import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

from scriptmode.errors import (  # noqa: E402
    InvalidFeaturesError,
    ModelLoadError,
    UntrustedFormatError,
)
from scriptmode.models.protobuf import find_text  # noqa: E402
from scriptmode.models.tensorflow import TensorFlow  # noqa: E402
from scriptmode.models.tensorflow_program import checked_program  # noqa: E402
from scriptmode.testing.conformance import LoaderSuite, assert_equal  # noqa: E402
from tests.models.tables import X  # noqa: E402
from tests.models.test_keras import mlp, two_inputs  # noqa: E402

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("saved")
    loader = TensorFlow(trusted=["saved-model"])
    made = {"one": mlp(), "two": two_inputs()}
    return {name: loader.save(model, root / name) for name, model in made.items()}


class SavedModelSuite(LoaderSuite):
    which = "one"

    @pytest.fixture(autouse=True)
    def _saved(self, folders: dict[str, Path]) -> None:
        self.folder = folders[self.which]

    def loader(self) -> Any:
        return TensorFlow(trusted=["saved-model"])

    def model(self) -> Any:
        return tf.saved_model.load(str(self.folder))

    def write(self, model: Any, model_dir: Path) -> None:
        (model_dir / "1").symlink_to(self.folder)

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        ask = model.signatures["serving_default"]
        name = next(iter(ask.structured_input_signature[1]))
        return next(iter(ask(**{name: tf.constant(data.astype("f4"))}).values())).numpy()


class TestOneInput(SavedModelSuite):
    pass


class TestNamedTensors(SavedModelSuite):
    which = "two"
    requests = 200

    def data(self) -> Any:
        return {"left": X[:, :2], "right": X[:, 2:4]}

    def expected(self, model: Any, data: Any) -> Any:
        feed = {name: tf.constant(part.astype("f4")) for name, part in data.items()}
        found = model.signatures["serving_default"](**feed)
        return {name: found[name].numpy() for name in sorted(found)}


def test_what_keras_saved_answers_as_it_did(folders: dict[str, Path]) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    found = loader.predict(loader.load(folders["one"]), X)
    assert_equal(found, mlp().predict(X.astype("f4"), batch_size=len(X), verbose=0))


def test_a_folder_must_be_trusted_for_its_operations_run_while_it_is_loaded(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "mark"

    class Writer(tf.Module):  # type: ignore[name-defined]
        @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32)])
        def __call__(self, x: Any) -> Any:
            tf.io.write_file(str(mark), "written by a model")
            return x

    module = Writer()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.__call__)
    mark.unlink(missing_ok=True)
    with pytest.raises(UntrustedFormatError, match=r"trusted=\['saved-model'\]"):
        TensorFlow().load(tmp_path)
    assert not mark.exists()


def test_the_release_that_wrote_it_is_read_without_tensorflow(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_text(folders["one"] / "saved_model.pb", (2, 1, 5)) == tf.__version__
    from scriptmode.models.versions import Library

    monkeypatch.setattr(Library, "installed", lambda _: "2.1.0")
    with pytest.raises(ModelLoadError, match=rf"written by tensorflow {tf.__version__}"):
        TensorFlow(trusted=["saved-model"]).load(folders["one"])


def test_an_endpoint_that_there_is_not_is_named(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelLoadError, match="no endpoint 'other'; it has serv"):
        TensorFlow(trusted=["saved-model"], endpoint="other").load(folders["one"])


def test_a_folder_without_its_variables_is_damaged(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "saved_model.pb").write_bytes((folders["one"] / "saved_model.pb").read_bytes())
    with pytest.raises(ModelLoadError, match="a TensorFlow SavedModel that ends too early"):
        TensorFlow(trusted=["saved-model"]).load(tmp_path)


def test_a_width_that_is_not_the_model_s_is_refused(folders: dict[str, Path]) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    with pytest.raises(InvalidFeaturesError, match=r"shape \(60, 3\) is not"):
        loader.predict(loader.load(folders["one"]), X[:, :3])
    assert np.isfinite(X).all()


@pytest.mark.parametrize("cell", [np.nan, np.inf])
def test_a_cell_that_would_be_answered_in_silence_is_refused(
    folders: dict[str, Path], cell: float
) -> None:
    loader, data = TensorFlow(trusted=["saved-model"]), X.copy()
    data[3, 1] = cell
    with pytest.raises(InvalidFeaturesError, match=r"row 4, column 2(: inf is beyond| is missing)"):
        loader.predict(loader.load(folders["one"]), data)


@pytest.mark.parametrize("rows", [1, 2, 17, 60, 3000])
def test_the_program_that_looks_and_asks_answers_as_the_endpoint_does(
    folders: dict[str, Path], rows: int
) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    model, table = loader.load(folders["one"]), np.tile(X, (50, 1))[:rows]
    endpoint = model.signatures["serving_default"]
    inputs = loader._known(model).inputs
    program = checked_program(tf, endpoint, inputs)
    assert program is not None
    name = inputs[0].name
    own = next(iter(endpoint(**{name: tf.constant(table.astype("f4"))}).values())).numpy()
    assert_equal(program(table), own)
    assert_equal(program(table[::-1]), own[::-1])
    assert program(table.astype("f4")) is None
    assert program(table[:, :3]) is None
    table[-1, -1] = 1e300
    assert program(table) is None


class Noise(tf.Module):  # type: ignore[name-defined]
    """A model that never answers the same."""

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        return cells + tf.random.uniform(tf.shape(cells))


class Counting(tf.Module):  # type: ignore[name-defined]
    """A model that counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        return cells * 0 + self.asked.assign_add(1.0)


class Root(tf.Module):  # type: ignore[name-defined]
    """A model that looks for a root until it has one, which numbers below zero have not."""

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        def is_far(root: Any) -> Any:
            return tf.reduce_any(tf.logical_not(tf.abs(root * root - cells) < 1e-3 * cells))

        start = tf.ones_like(cells)
        return tf.while_loop(is_far, lambda root: [(root + cells / root) / 2], [start])[0]


class Picky(tf.Module):  # type: ignore[name-defined]
    """A model that takes no number below zero."""

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_non_negative(cells)]):
            return cells + 1


def test_a_model_that_changes_when_it_is_asked_is_not_tried(tmp_path: Path) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(Counting(), tmp_path)
    model = loader.load(tmp_path)
    assert [float(loader.predict(model, X[:1])[0, 0]) for _ in range(3)] == [1.0, 2.0, 3.0]


def test_a_model_that_may_never_end_is_not_tried(tmp_path: Path) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(Root(), tmp_path)
    model = loader.load(tmp_path)
    assert loader.predict(model, np.full((1, 5), 4.0)).round(2).tolist() == [[2.0] * 5]
    with pytest.raises(InvalidFeaturesError, match="row 1, column 1"):
        loader.predict(model, np.full((1, 5), np.nan))


@pytest.mark.parametrize("kind", [Noise, Picky])
def test_a_model_that_cannot_be_compared_is_asked_the_longer_way(
    tmp_path: Path, kind: type[Any]
) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(kind(), tmp_path)
    model = loader.load(tmp_path)
    known = loader._known(model)
    assert checked_program(tf, model.signatures["serving_default"], known.inputs) is None
    assert loader.predict(model, np.ones((2, 5))).shape == (2, 5)


class Bits(tf.Module):  # type: ignore[name-defined]
    """A model that shows each bit of what it is given."""

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        return tf.bitcast(cells, tf.int32)


def test_the_smallest_numbers_are_not_taken_for_nothing(tmp_path: Path) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(Bits(), tmp_path)
    model, table = loader.load(tmp_path), np.full((2, 5), 1e-40)
    assert loader.predict(model, table).tolist() == table.astype("f4").view("i4").tolist()


class Told(tf.Module):  # type: ignore[name-defined]
    """A model that looks at its numbers itself."""

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        return tf.debugging.check_numerics(cells, "strange")


def test_a_missing_cell_is_named_also_where_the_model_looks_itself(tmp_path: Path) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(Told(), tmp_path)
    table = X[:3].copy()
    table[1, 2] = np.nan
    with pytest.raises(InvalidFeaturesError, match="row 2, column 3 is missing or infinite"):
        loader.predict(loader.load(tmp_path), table)


class Changing(tf.Module):  # type: ignore[name-defined]
    """Models that change, or do something, whenever they are asked."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.counts = tf.Variable([0.0])
        self.random = tf.random.Generator.from_seed(1)

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def __call__(self, cells: Any) -> Any:
        if self.way == "scatter":
            return cells * 0 + self.counts.scatter_add(tf.IndexedSlices([1.0], [0])).read_value()[0]
        if self.way == "generator":
            return cells * 0 + self.random.uniform(())
        if self.way == "seeded":
            return cells * 0 + tf.random.normal((), seed=3)
        tf.print("asked")
        return cells


@pytest.mark.parametrize("way", ["scatter", "generator", "seeded", "print"])
def test_loading_asks_nothing_of_a_model_that_it_would_change(tmp_path: Path, way: str) -> None:
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(Changing(way), tmp_path)
    known = loader._known(loader.load(tmp_path))
    assert known._program is None
