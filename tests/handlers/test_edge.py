from __future__ import annotations

import gc
import pickle
import weakref
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scriptmode import compose
from scriptmode.errors import (
    DeclarationError,
    MalformedBodyError,
    ModelLoadError,
    NotAcceptableError,
)
from scriptmode.handlers.edge import stack_of
from scriptmode.handlers.refusal import Refusal
from scriptmode.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRONG = MalformedBodyError("line 1 is odd", line=1)


class Weights:
    """A linear model of one file, loaded anew each time."""

    name = "weights"

    class Model:
        def __init__(self, weights: Any) -> None:
            self.weights = weights

    def load(self, model_dir: Path) -> Weights.Model:
        return self.Model(np.loadtxt(model_dir / "weights.txt", ndmin=1))

    def predict(self, model: Any, data: Any) -> Any:
        return data @ model.weights


def saved(folder: Path, *weights: float) -> Path:
    folder.mkdir()
    np.savetxt(folder / "weights.txt", weights)
    return folder


@pytest.mark.parametrize(
    "use",
    [
        lambda refusal: refusal.shape,
        lambda refusal: refusal[0],
        len,
        list,
        bool,
        lambda refusal: refusal + 1,
        lambda refusal: 2 * refusal,
        lambda refusal: refusal - refusal,
        lambda refusal: -refusal,
        lambda refusal: refusal < 1,
        lambda refusal: refusal == 1,
        lambda refusal: refusal @ refusal,
        next,
        range,
        lambda refusal: setattr(refusal, "x", 1),
        lambda refusal: refusal.__setitem__(0, 1),
        lambda refusal: f"{refusal}",
        lambda refusal: 1 in refusal,
        str,
        np.asarray,
        float,
        lambda refusal: refusal(),
    ],
)
def test_who_uses_a_refusal_meets_the_error(use: Callable[[Any], Any]) -> None:
    with pytest.raises(MalformedBodyError, match="line 1 is odd"):
        use(Refusal(WRONG))


def test_a_refusal_may_be_looked_at_and_sent_on() -> None:
    assert repr(Refusal(WRONG)) == f"Refusal({WRONG!r})"
    assert str(Refusal.error_of(pickle.loads(pickle.dumps(Refusal(WRONG))))) == "line 1 is odd"


def test_plain_callers_get_exceptions(tmp_path: Path) -> None:
    handler = compose(Weights())
    with pytest.raises(MalformedBodyError):
        handler.input_fn("1,x", "text/csv")
    with pytest.raises(ModelLoadError):
        handler.model_fn(str(tmp_path / "absent"))
    with pytest.raises(NotAcceptableError):
        handler.output_fn(np.array([1.0]), "text/html")


@pytest.mark.parametrize("has_request", [True, False])
def test_flask_applications_of_others_are_plain_callers(
    has_request: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flask: Any = ModuleType("flask")
    flask.has_request_context = lambda: has_request
    flask.current_app = SimpleNamespace(_get_current_object=object)
    monkeypatch.setitem(__import__("sys").modules, "flask", flask)
    monkeypatch.setitem(__import__("sys").modules, "sagemaker_containers", ModuleType("x"))
    assert stack_of(None) is None


def test_a_model_that_could_not_be_loaded_is_tried_again(tmp_path: Path) -> None:
    handler, context = compose(Weights()), SimpleNamespace(set_response_status=print)
    model = handler.model_fn(str(tmp_path / "late"), context)
    data = handler.input_fn("1,2", "text/csv", context)
    assert isinstance(handler.predict_fn(data, model, context), Refusal)
    saved(tmp_path / "late", 3, 4)
    for _ in range(3):
        assert handler.predict_fn(data, model, context).tolist() == [11]
    assert np.dot(data, model.weights).tolist() == [11]  # as a function by hand would
    assert model.weights is model.weights  # loaded once


@pytest.mark.parametrize("family", [None, "flask", "inference", "inference15", "pytorch"])
@pytest.mark.parametrize("accept", [None, "*/*", ""])
def test_the_environment_says_what_an_absent_accept_header_means(
    family: str | None, accept: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
    folder = saved(tmp_path / "model", 1, 1)
    handler = compose(Weights())
    asked: dict[str, Any] = {"content_type": "text/csv", "model_dir": folder, "family": family}
    assert invoke(handler, "1,2", accept=accept, **asked).content_type == "text/csv"
    assert invoke(handler, "1,2", accept="application/json", **asked).json() == [3]


def test_the_environment_may_only_ask_for_what_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
    with pytest.raises(DeclarationError, match="without an Accept header"):
        compose(Weights(), returns="json")


@pytest.mark.parametrize("family", ["inference", "inference15", "huggingface", "pytorch"])
def test_several_models_and_declarations_stand_side_by_side(family: str, tmp_path: Path) -> None:
    folders = [saved(tmp_path / str(number), number, 1) for number in range(3)]
    plain, named = compose(Weights()), compose(Weights(), features=["b", "a"], returns="csv")
    for _ in range(2):
        for number, folder in enumerate(folders):
            asked: dict[str, Any] = {"model_dir": folder, "family": family}
            rows = invoke(plain, "[[2, 5]]", content_type="application/json", **asked)
            records = '[{"a": 2, "b": 5}]'
            columns = invoke(named, records, content_type="application/json", **asked)
            assert rows.json() == [2 * number + 5]
            assert columns.text == f"{5.0 * number + 2}\n"


def test_a_model_that_is_let_go_is_freed(tmp_path: Path) -> None:
    handler = compose(Weights(), features=["a", "b"])
    kept, dropped = (
        handler.model_fn(str(saved(tmp_path / name, 1, 2))) for name in ("kept", "dropped")
    )
    data = handler.input_fn("1,1", "text/csv")
    for model in (kept, dropped):
        assert handler.predict_fn(data, model).tolist() == [3]
    watched = weakref.ref(dropped)
    del dropped, model
    gc.collect()
    assert watched() is None
    assert handler.predict_fn(data, kept).tolist() == [3]
