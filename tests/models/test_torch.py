import io
import json
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from scriptmode import compose  # noqa: E402
from scriptmode.errors import (  # noqa: E402
    DeclarationError,
    InvalidFeaturesError,
    ModelLoadError,
    UntrustedFormatError,
)
from scriptmode.models.devices import torch_device  # noqa: E402
from scriptmode.models.torch import Torch  # noqa: E402
from scriptmode.testing import invoke  # noqa: E402
from scriptmode.testing.conformance import LoaderSuite, assert_equal  # noqa: E402
from tests.models.nets import Two, Words, mlp, wider  # noqa: E402
from tests.models.tables import X  # noqa: E402

pytestmark = [
    pytest.mark.heavy,
    # TorchScript is deprecated in favour of torch.export; it is what many folders hold.
    pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning"),
]
FACTORY = "tests.models.nets:mlp"
FLOATS = X.astype(np.float32)


def own_answer(module: Any, data: Any) -> Any:
    with torch.inference_mode():
        return module.eval()(torch.from_numpy(data.astype(np.float32))).numpy()


def exported(module: Any, rows: Any = None) -> Any:
    shapes = ({0: torch.export.Dim("rows")},) if rows is None else None
    return torch.export.export(module, (torch.zeros(rows or 3, 5),), dynamic_shapes=shapes)


class TorchSuite(LoaderSuite):
    def loader(self) -> Any:
        return Torch(factory=FACTORY, threads=1)

    def model(self) -> Any:
        return mlp().eval()

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return own_answer(model, data)


class TestSafetensors(TorchSuite):
    pass


class TestStateDict(TorchSuite):
    def write(self, model: Any, model_dir: Path) -> None:
        torch.save(model.state_dict(), model_dir / "weights.pt")


class TestCheckpointOfDataParallel(TorchSuite):
    def write(self, model: Any, model_dir: Path) -> None:
        state = {f"module.{name}": each for name, each in model.state_dict().items()}
        torch.save({"epoch": 3, "state_dict": state}, model_dir / "checkpoint.bin")


class TestLegacyFile(TorchSuite):
    def write(self, model: Any, model_dir: Path) -> None:
        path = model_dir / "old.pth"
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)


class TestTorchScript(TorchSuite):
    def loader(self) -> Any:
        return Torch(trusted=["torchscript"], threads=1)

    def write(self, model: Any, model_dir: Path) -> None:
        self.loader().save(torch.jit.script(model.train()), model_dir)  # saved as it was trained


class TestProgram(TorchSuite):
    def loader(self) -> Any:
        return Torch(trusted=["pt2"], threads=1)

    def write(self, model: Any, model_dir: Path) -> None:
        self.loader().save(exported(model), model_dir)


class TestWholeModule(TorchSuite):
    def loader(self) -> Any:
        return Torch(trusted=["torch-pickle"], threads=1)

    def write(self, model: Any, model_dir: Path) -> None:
        torch.save(model, model_dir / "module.pt")


class TestNamedTensors(TorchSuite):
    def loader(self) -> Any:
        return Torch(factory=Two, threads=1)

    def model(self) -> Any:
        return Two().eval()

    def data(self) -> Any:
        return {"left": X[:, :2], "right": X[:, 2:4]}

    def expected(self, model: Any, data: Any) -> Any:
        with torch.inference_mode():
            found = model(**{n: torch.from_numpy(each.astype("f4")) for n, each in data.items()})
        return {name: each.numpy() for name, each in found.items()}


class TestWholeNumbers(TorchSuite):
    def loader(self) -> Any:
        return Torch(factory=Words, dtype="int64", threads=1)

    def model(self) -> Any:
        return Words().eval()

    def data(self) -> Any:
        return np.abs(np.round(X))

    def expected(self, model: Any, data: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(data.astype("i8"))).numpy()


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]
)
def test_what_wrappers_put_before_names_is_taken_off(tmp_path: Path, prefix: str) -> None:
    state = {prefix + name: each for name, each in mlp().state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    found = Torch(factory=FACTORY).load(tmp_path)
    assert_equal(Torch().predict(found, X), own_answer(mlp(), X))


def test_dropout_is_off_and_nothing_asks_for_a_gradient(tmp_path: Path) -> None:
    Torch(factory=mlp).save(mlp().train(), tmp_path)
    model = Torch(factory=mlp).load(tmp_path)
    assert not model.training
    assert not any(each.requires_grad for each in model.parameters())
    assert_equal(Torch().predict(model, X), Torch().predict(model, X))


def test_a_module_that_is_being_trained_is_asked_in_evaluation_mode(tmp_path: Path) -> None:
    handler = compose(Torch(factory=mlp), replay=True)
    handler.save(mlp().train(), tmp_path, sample=X[:3])
    assert handler.model_fn(str(tmp_path))
    module = mlp().train()
    assert_equal(Torch().predict(module, X), own_answer(mlp(), X))


def test_a_state_of_another_module_is_told_apart(tmp_path: Path) -> None:
    Torch(factory=mlp).save(mlp(), tmp_path)
    with pytest.raises(
        ModelLoadError, match=r"not the state of a Sequential: .*size mismatch for 0"
    ):
        Torch(factory=wider).load(tmp_path)
    with pytest.raises(ModelLoadError, match=r"Missing key\(s\).*left\.weight"):
        Torch(factory="tests.models.nets:Two").load(tmp_path)
    with pytest.raises(ModelLoadError, match="declare factory"):
        Torch().load(tmp_path)
    with pytest.raises(DeclarationError, match="has no 'mlq'"):
        Torch(factory="tests.models.nets:mlq").load(tmp_path)


def test_a_file_without_tensors_is_told_apart(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "a.pt")
    with pytest.raises(ModelLoadError, match=r"is no state dict: it holds {'epoch': int, 'loss'"):
        Torch(factory=mlp).load(tmp_path)


def test_a_module_is_saved_only_where_it_can_be_read_back(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="declare"):
        Torch().save(mlp(), tmp_path)
    with pytest.raises(DeclarationError, match=r"trusted=\['torchscript'\]"):
        Torch(factory=mlp).save(torch.jit.script(mlp()), tmp_path)
    with pytest.raises(DeclarationError, match=r"trusted=\['pt2'\]"):
        Torch(factory=mlp).save(exported(mlp().eval()), tmp_path)


@pytest.mark.parametrize("form", ["torchscript", "pt2", "torch-pickle"])
def test_what_can_execute_code_is_trusted_by_name(tmp_path: Path, form: str) -> None:
    suite: Any = {"torchscript": TestTorchScript, "pt2": TestProgram}.get(form, TestWholeModule)()
    suite.write(mlp().eval(), tmp_path)
    with pytest.raises(UntrustedFormatError, match=rf"trusted=\['{form}'\]"):
        Torch(factory=mlp).load(tmp_path)


def test_a_program_that_was_exported_for_training_is_refused(tmp_path: Path) -> None:
    torch.export.save(exported(mlp().train()), tmp_path / "model.pt2")
    with pytest.raises(ModelLoadError, match=r"exported in training mode.*export model\.eval"):
        Torch(trusted=["pt2"]).load(tmp_path)


def test_a_program_of_a_later_release_is_refused(tmp_path: Path) -> None:
    torch.export.save(exported(mlp().eval()), tmp_path / "model.pt2")
    later = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "model.pt2") as old, zipfile.ZipFile(later, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            new.writestr(name, raw.replace(torch.__version__.encode(), b"2.99.0"))
    (tmp_path / "model.pt2").write_bytes(later.getvalue())
    with pytest.raises(ModelLoadError, match=r"written by torch 2\.99\.0"):
        Torch(trusted=["pt2"]).load(tmp_path)


def on_cuda(path: Path) -> None:
    """The same file as an accelerator would have written it."""
    patched = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(patched, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            new.writestr(name, raw.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    assert patched.getvalue() != path.read_bytes()
    path.write_bytes(patched.getvalue())


def test_weights_of_an_accelerator_are_read_without_one(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(mlp().state_dict(), path)
    on_cuda(path)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(path, weights_only=True)
    model = Torch(factory=mlp, device="cpu").load(tmp_path)
    assert_equal(Torch().predict(model, X), own_answer(mlp(), X))
    torch.jit.script(mlp().eval()).save(str(path))
    on_cuda(path)
    model = Torch(trusted=["torchscript"], device="cpu").load(tmp_path)
    assert_equal(Torch().predict(model, X), own_answer(mlp(), X))


def test_each_worker_takes_the_accelerator_that_its_host_gave_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    found = [str(torch_device(f"auto:{number}")) for number in range(6)]
    assert found == ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0", "cuda:1"]
    with pytest.raises(ModelLoadError, match=r"device='cuda:4': there are 4 of 'cuda' here"):
        torch_device("cuda:4")


def test_the_host_tells_which_through_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(declared: str) -> Any:
        asked.append(declared)
        return torch.device("cpu")

    monkeypatch.setattr("scriptmode.models.torch.torch_device", note)
    from scriptmode.handlers.context import RequestContext

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(Torch, "_read", lambda *_: mlp().eval())
        patch.setattr(Torch, "_find", lambda *_: Path())
        for device in ("auto", "cpu"):
            handler = compose(Torch(factory=mlp, device=device))
            handler.model_fn(".", RequestContext(device=3))
    assert asked == ["auto:3", "cpu"]


def test_without_an_accelerator_auto_is_the_processor() -> None:
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert str(torch_device("auto")) == str(torch_device("auto:3")) == "cpu"
        with pytest.raises(ModelLoadError, match="declare device='auto' to fall back"):
            torch_device("cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "", 3, None])
def test_a_device_that_there_cannot_be_is_a_mistake_of_the_script(device: Any) -> None:
    with pytest.raises(DeclarationError, match="expected 'auto'"):
        Torch(device=device)


def test_types_that_numpy_has_not_are_converted(tmp_path: Path) -> None:
    half = mlp().to(torch.bfloat16).eval()
    Torch(factory=mlp).save(half, tmp_path)
    found = Torch().predict(half, X)
    with torch.inference_mode():
        own = half(torch.from_numpy(FLOATS).to(torch.bfloat16)).float().numpy()
    assert_equal(found, own)


def test_arrays_that_must_not_be_written_to_are_copied() -> None:
    frozen = FLOATS.copy()
    frozen.setflags(write=False)
    model = mlp().eval()
    assert_equal(Torch().predict(model, frozen), own_answer(model, X))
    assert_equal(Torch().predict(model, FLOATS[::-1]), own_answer(model, X[::-1]))


def test_a_cell_beyond_the_type_is_named() -> None:
    with pytest.raises(InvalidFeaturesError, match=r"row 2, column 1: 1e\+300 is beyond float32"):
        Torch().predict(mlp().eval(), np.array([[1.0] * 5, [1e300] * 5]))
    with pytest.raises(InvalidFeaturesError, match=r"row 1, column 1: 0\.5 is beyond int64"):
        Torch(dtype="int64").predict(Words().eval(), np.array([[0.5, 1.0]]))


def test_a_large_table_is_answered_and_looked_at_as_a_small_one_is() -> None:
    model, table = mlp().eval(), np.tile(X, (40, 1))
    assert_equal(Torch().predict(model, table), own_answer(model, table))
    for cell, told in ((1e300, r"1e\+300 is beyond float32"), (np.inf, "inf is beyond float32")):
        table[700, 2] = cell
        with pytest.raises(InvalidFeaturesError, match=rf"row 701, column 3: {told}"):
            Torch().predict(model, table)
    table[:, 2] = 3e38  # each of which fits, but not their sum
    assert_equal(Torch().predict(model, table), own_answer(model, table))
    table[700, 2] = np.nan  # which is the model's own matter
    assert_equal(Torch().predict(model, table), own_answer(model, table))


def test_the_width_of_a_sequence_is_known(tmp_path: Path) -> None:
    Torch(factory=mlp).save(mlp(), tmp_path)
    reply = invoke(
        compose(Torch(factory=mlp)), "1,2,3", content_type="text/csv", model_dir=tmp_path
    )
    assert reply.status == 422
    assert "5 features" in reply.json()["message"]


@pytest.mark.parametrize("suite", [TestTorchScript, TestProgram])
def test_named_columns_are_not_scored_as_they_come(tmp_path: Path, suite: Any) -> None:
    """Such a module knows no names, so that only a declaration can put them in order."""
    suite().write(mlp().eval(), tmp_path)
    row = dict(zip("abcde", X[0], strict=True))
    turned = json.dumps([dict(reversed(row.items()))])
    assert invoke(compose(suite().loader()), turned, model_dir=tmp_path).status == 422
    handler = compose(suite().loader(), features=list("abcde"))
    found = invoke(handler, turned, model_dir=tmp_path).raise_for_status().json()
    assert np.float32(found) == own_answer(mlp(), X[:1])


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


@pytest.mark.parametrize("legacy", [True, False])
def test_a_malicious_state_runs_nothing(tmp_path: Path, *, legacy: bool) -> None:
    mark = tmp_path / "mark"
    folder = tmp_path / "model"
    folder.mkdir()
    state = {**mlp().state_dict(), "evil": Evil(mark)}
    torch.save(state, folder / "m.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises((ModelLoadError, UntrustedFormatError)):
        Torch(factory=mlp).load(folder)
    assert not mark.exists()
    assert pickle.dumps(Torch(factory=FACTORY))


def in_training(module: Any, *, decomposed: bool) -> Any:
    program = torch.export.export(
        module.train(), (torch.zeros(3, 5),), dynamic_shapes=({0: torch.export.Dim("rows", min=2)},)
    )
    return program.run_decompositions() if decomposed else program


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("decomposed", [True, False])
@pytest.mark.parametrize(
    "layer",
    [nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.FeatureAlphaDropout(0.5), nn.RReLU(),
     nn.BatchNorm1d(5)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_no_program_that_was_exported_for_training_is_served(
    tmp_path: Path, layer: Any, *, decomposed: bool
) -> None:
    program = in_training(nn.Sequential(layer, nn.Linear(5, 1)), decomposed=decomposed)
    torch.export.save(program, tmp_path / "model.pt2")
    with pytest.raises(ModelLoadError, match="exported in training mode"):
        Torch(trusted=["pt2"]).load(tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("decomposed", [True, False])
def test_the_same_layers_exported_for_serving_are(tmp_path: Path, *, decomposed: bool) -> None:
    layers = [nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.RReLU(), nn.BatchNorm1d(5), nn.Linear(5, 1)]
    module = nn.Sequential(*layers).eval()
    program = exported(module)
    program = program.run_decompositions() if decomposed else program
    torch.export.save(program, tmp_path / "model.pt2")
    loader = Torch(trusted=["pt2"])
    np.testing.assert_allclose(
        loader.predict(loader.load(tmp_path), X), own_answer(module, X), rtol=1e-5
    )


class Wrapped(nn.Module):
    """A module whose own attribute has the name that wrappers use."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Linear(5, 1)

    def forward(self, x: Any) -> Any:
        return self.module(x)


def test_a_prefix_that_is_the_module_s_own_stays(tmp_path: Path) -> None:
    module = Wrapped().eval()
    Torch(factory=Wrapped).save(module, tmp_path)
    loader = Torch(factory=Wrapped)
    assert_equal(loader.predict(loader.load(tmp_path), X), own_answer(module, X))


class Mixed(nn.Module):
    """Numbers beside words, whose sizes only the layers know."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers, self.words = torch.nn.Linear(3, 4), torch.nn.Embedding(10, 4)

    def forward(self, numbers: Tensor, words: Tensor) -> Tensor:
        found: Tensor = self.numbers(numbers) + self.words(words.long()).sum(1)
        return found


def as_module() -> Any:
    return Mixed().eval()


def as_script() -> Any:
    return torch.jit.script(Mixed().eval())


def as_program() -> Any:
    example = (torch.ones(2, 3), torch.ones(2, 5, dtype=torch.int64))
    rows = torch.export.Dim("rows")
    shapes = {"numbers": {0: rows}, "words": {0: rows}}
    return torch.export.export(Mixed().eval(), example, dynamic_shapes=shapes).module()


@pytest.mark.parametrize("make", [as_module, as_script, as_program])
@pytest.mark.parametrize(
    ("numbers", "words", "told"),
    [
        ((1, 4), 1, r"1x4|\(1, 4\) is not 'numbers' of shape \(any, 3\)"),
        ((1, 3), 99, "index out of range"),
        ((2, 3), -1, "unequal numbers of rows"),
    ],
)
def test_what_a_module_cannot_take_is_the_caller_s_mistake(
    make: Any, numbers: tuple[int, int], words: int, told: str
) -> None:
    rows = 3 if words < 0 else 1
    data = {"numbers": np.ones(numbers), "words": np.full((rows, 5), abs(words))}
    with pytest.raises(InvalidFeaturesError, match=told):
        Torch().predict(make(), data)


@pytest.mark.parametrize("make", [as_module, as_script, as_program])
def test_the_names_of_inputs_are_a_module_s_own(make: Any) -> None:
    model, both = make(), {"numbers": np.ones((1, 3)), "words": np.ones((1, 5))}
    assert Torch().predict(model, both).shape == (1, 4)
    with pytest.raises(InvalidFeaturesError, match="no input 'other'; it has numbers, words"):
        Torch().predict(model, {**both, "other": np.ones((1, 3))})
    with pytest.raises(InvalidFeaturesError, match="the input 'words' is missing"):
        Torch().predict(model, {"numbers": np.ones((1, 3))})


def test_what_a_program_says_of_its_input_holds_requests(tmp_path: Path) -> None:
    loader = Torch(trusted=["pt2"])
    loader.save(exported(mlp().eval()), tmp_path)
    assert loader.signature(loader.load(tmp_path)).width == 5
    reply = invoke(compose(loader), "1,2,3", content_type="text/csv", model_dir=tmp_path)
    assert reply.status == 422
    assert "the model has 5 features; each row of the body has 3" in reply.json()["message"]


class Broken(nn.Module):
    def forward(self, cells: Tensor) -> Tensor:
        raise RuntimeError("the weights were never trained")


def test_a_fault_of_the_module_s_own_is_not_the_caller_s() -> None:
    with pytest.raises(RuntimeError, match="never trained"):
        Torch().predict(Broken().eval(), X)


class Sum(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a * 2 + b


@pytest.mark.parametrize("positional", [("a", "b"), ("a",), ()])
def test_a_program_is_asked_as_it_was_exported(positional: tuple[str, ...]) -> None:
    rows = torch.export.Dim("rows")
    program = torch.export.export(
        Sum(),
        tuple(torch.ones(2, 3) for _ in positional),
        {name: torch.ones(2, 3) for name in ("a", "b") if name not in positional},
        dynamic_shapes={"a": {0: rows}, "b": {0: rows}},
    )
    found = Torch().predict(program.module(), {"b": np.ones((4, 3)), "a": np.full((4, 3), 2.0)})
    assert_equal(found, np.full((4, 3), 5, "f4"))


def test_one_row_may_stand_beside_all_rows() -> None:
    for part in (np.ones((1, 3)), np.array(1.0)):
        found = Torch().predict(Sum(), {"a": np.ones((4, 3)), "b": part})
        assert_equal(found, np.full((4, 3), 3, "f4"))


@pytest.mark.parametrize("rows", [3, 3000])
def test_what_a_program_says_holds_for_large_tables_too(rows: int) -> None:
    class Double(nn.Module):
        def forward(self, cells: Tensor) -> Tensor:
            return torch.where(cells > 1e9, cells, -cells)

    size = torch.export.Dim("rows")
    for kind, cell in ((torch.float64, 1e9 + 1), (torch.int64, 3)):
        program = torch.export.export(
            Double(), (torch.ones(2, 4, dtype=kind),), dynamic_shapes=({0: size},)
        ).module()
        own = Double()(torch.full((rows, 4), cell, dtype=kind)).numpy()
        assert_equal(Torch().predict(program, np.full((rows, 4), float(cell))), own)
        with pytest.raises(InvalidFeaturesError, match="is not 'cells' of shape"):
            Torch().predict(program, np.ones((rows, 3)))
    with pytest.raises(InvalidFeaturesError, match="is beyond int64"):
        Torch().predict(program, np.full((rows, 4), 3.5))


class Faulty(nn.Module):
    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault

    def forward(self, cells: Tensor) -> Tensor:
        raise self.fault


@pytest.mark.parametrize(
    "fault",
    [IndexError("list index out of range"), RuntimeError("cache size exceeded, restart"),
     AssertionError("elements of the state are wrong")],
)  # fmt: skip
def test_other_faults_of_a_module_are_its_own(fault: Exception) -> None:
    with pytest.raises(type(fault), match=str(fault)):
        Torch().predict(Faulty(fault).eval(), X)
