import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")

from scriptmode import compose  # noqa: E402
from scriptmode.errors import (  # noqa: E402
    DeclarationError,
    InvalidFeaturesError,
    ModelLoadError,
    UntrustedFormatError,
)
from scriptmode.models.keras import Keras  # noqa: E402
from scriptmode.models.tensorflow import TensorFlow  # noqa: E402
from scriptmode.testing import invoke  # noqa: E402
from scriptmode.testing.conformance import LoaderSuite, assert_equal  # noqa: E402
from tests.models.tables import X  # noqa: E402

pytestmark = [
    pytest.mark.heavy,
    # Of keras's own variables, which numpy 2.4 asks for an argument that they have not.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
FLOATS = X.astype(np.float32)


def mlp() -> Any:
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Input((5,)),
        keras.layers.Dense(16, "relu"),
        keras.layers.Dropout(0.5),
        # Far from 0, where terms that cancel leave a sum that no machine agrees on.
        keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(4)),
    ]
    return keras.Sequential(layers)


def two_inputs() -> Any:
    keras.utils.set_random_seed(0)
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    total = keras.layers.Dense(3, name="total")(keras.layers.Concatenate()([left, right]))
    alone = keras.layers.Dense(1, name="alone")(left)
    return keras.Model({"left": left, "right": right}, {"total": total, "alone": alone})


class KerasSuite(LoaderSuite):
    """Keras is asked for all rows at once, as the loader asks it: fewer are summed otherwise."""

    def loader(self) -> Any:
        return Keras()

    def model(self) -> Any:
        return mlp()

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data.astype(np.float32), batch_size=len(X), verbose=0)


class TestKeras(KerasSuite):
    pass


class TestHdf5(KerasSuite):
    def write(self, model: Any, model_dir: Path) -> None:
        model.save(model_dir / "model.h5")


class TestNamedTensors(KerasSuite):
    requests = 200

    def model(self) -> Any:
        return two_inputs()

    def data(self) -> Any:
        return {"left": X[:, :2], "right": X[:, 2:4]}

    def expected(self, model: Any, data: Any) -> Any:
        feed = {name: each.astype("f4") for name, each in data.items()}
        return model.predict(feed, batch_size=len(X), verbose=0)


def test_dropout_is_off() -> None:
    model = mlp()
    assert_equal(Keras().predict(model, X), Keras().predict(model, X))


@pytest.mark.parametrize("cell", [np.nan, np.inf])
def test_a_cell_that_compiled_layers_would_answer_in_silence_is_refused(cell: float) -> None:
    data = X.copy()
    data[3, 1] = cell
    with pytest.raises(InvalidFeaturesError, match=r"row 4, column 2(: inf is beyond| is missing)"):
        Keras().predict(mlp(), data)


def test_a_row_of_another_width_is_refused(tmp_path: Path) -> None:
    Keras().save(mlp(), tmp_path)
    reply = invoke(compose("keras"), "1,2,3", content_type="text/csv", model_dir=tmp_path)
    assert reply.status == 422
    assert "5 features" in reply.json()["message"]


def rewrite(path: Path, name: str, change: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for each, raw in members.items():
            archive.writestr(each, raw)


def test_a_file_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = Keras().save(mlp(), tmp_path)
    written = keras.__version__.encode()
    rewrite(path, "metadata.json", lambda raw: raw.replace(written, b"3.99.0"))
    with pytest.raises(ModelLoadError, match=r"written by keras 3\.99\.0"):
        Keras().load(tmp_path)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = Keras().save(mlp(), tmp_path)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ModelLoadError, match=r"a zip archive that is damaged"):
        Keras().load(tmp_path)
    path.write_bytes(raw)
    rewrite(path, "model.weights.h5", lambda weights: weights[:-500])
    with pytest.raises(ModelLoadError, match=r"model\.keras cannot be read"):
        Keras().load(tmp_path)
    path.unlink()
    mlp().save(tmp_path / "model.h5")
    raw = (tmp_path / "model.h5").read_bytes()
    (tmp_path / "model.h5").write_bytes(raw[:-10])
    with pytest.raises(ModelLoadError, match="a Keras model in HDF5 that ends too early"):
        Keras().load(tmp_path)


def test_a_file_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    path = Keras().save(mlp(), tmp_path)
    layer = keras.saving.serialize_keras_object(keras.layers.Dense(1))
    rewrite(path, "config.json", lambda _: json.dumps(layer).encode())
    with pytest.raises(ModelLoadError, match=r"holds a Dense, not a model|cannot be read"):
        Keras().load(tmp_path)


def with_code() -> Any:
    return keras.Sequential([keras.layers.Input((5,)), keras.layers.Lambda(lambda x: x * 2)])


def test_layers_that_hold_code_are_trusted_by_name(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"holds code \(Lambda"):
        Keras().save(with_code(), tmp_path)
    assert not list(tmp_path.iterdir())
    trusting = Keras(trusted=["keras-lambda"])
    trusting.save(with_code(), tmp_path)
    with pytest.raises(UntrustedFormatError, match=r"keras-lambda \(Lambda"):
        Keras().load(tmp_path)
    assert_equal(trusting.predict(trusting.load(tmp_path), X), FLOATS * 2)


def test_a_function_of_keras_itself_is_not_called_by_a_file(tmp_path: Path) -> None:
    """Safe mode allows a Lambda that names any public function, and calls it while it loads."""
    path = Keras().save(mlp(), tmp_path)

    def name_a_function(raw: bytes) -> bytes:
        config = json.loads(raw)
        function = {"module": "keras.config", "class_name": "function", "config": "set_floatx"}
        layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": function}}
        config["config"]["layers"][1] = layer
        return json.dumps(config).encode()

    rewrite(path, "config.json", name_a_function)
    with pytest.raises(UntrustedFormatError):
        Keras().load(tmp_path)


def test_a_class_of_the_script_that_runs_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    local = type("Local", (keras.layers.Layer,), {"__module__": "__main__"})
    model = keras.Sequential([keras.layers.Input((5,)), local()])
    with pytest.raises(DeclarationError, match="Local lives in __main__"):
        Keras().save(model, tmp_path)


def test_there_is_no_accelerator_unless_there_is(tmp_path: Path) -> None:
    Keras().save(mlp(), tmp_path)
    assert Keras(device="cpu").load(tmp_path)
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        with pytest.raises(ModelLoadError, match="there are 0 accelerators here"):
            Keras(device="cuda").load(tmp_path)


def test_outputs_of_one_name_are_both_there() -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    head = keras.layers.Dense(1, name="head")
    model = keras.Model([left, right], [head(left), head(right)])
    data = {"left": X[:, :2], "right": X[:, 2:4]}
    found = Keras().predict(model, data)
    own = model.predict([X[:, :2].astype("f4"), X[:, 2:4].astype("f4")], verbose=0)
    assert list(found) == ["output_0", "output_1"]
    for part, expected in zip(found.values(), own, strict=True):
        assert_equal(part, expected)


def test_a_release_that_is_kept_as_bytes_is_read(tmp_path: Path) -> None:
    import h5py

    mlp().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        file.attrs["keras_version"] = np.bytes_(keras.__version__)
    assert Keras().load(tmp_path)


@pytest.mark.parametrize("loader", [Keras(), TensorFlow(trusted=["saved-model"])])
def test_what_an_operation_refuses_is_the_caller_s_mistake(tmp_path: Path, loader: Any) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.Flatten()]
    )
    loader.save(model, tmp_path)
    loaded = loader.load(tmp_path)
    assert loader.predict(loaded, np.full((2, 5), 9)).shape == (2, 20)
    with pytest.raises(InvalidFeaturesError, match=r"indices\[0,0\] = 99 is not in \[0, 10\)$"):
        loader.predict(loaded, np.full((2, 5), 99))
