from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scriptmode import ModelLoadError, compose
from scriptmode.errors import UnsupportedMediaTypeError
from scriptmode.testing import Reply, invoke


class Echo:
    name = "echo"

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data


SCRIPT = """
from scriptmode import compose
class Echo:
    name = "echo"
    def load(self, model_dir): return "model"
    def predict(self, model, data): return data
model_fn, input_fn, predict_fn, output_fn = compose(Echo())
"""


def test_a_path_a_module_and_a_handler_answer_alike(tmp_path: Path) -> None:
    (tmp_path / "inference.py").write_text(SCRIPT)
    module = ModuleType("module_of_test")
    exec(SCRIPT, vars(module))
    for script in (
        tmp_path / "inference.py",
        str(tmp_path / "inference.py"),
        module,
        compose(Echo()),
    ):
        reply = invoke(script, "1,2", content_type="text/csv", model_dir=tmp_path)
        assert reply.ok
        assert reply.json() == [[1, 2]]
        assert reply.content_type == "application/json"
        assert reply.text == "[[1.0,2.0]]"
        assert reply.raise_for_status() is reply


def test_a_callers_mistake_is_a_status_with_its_exception(tmp_path: Path) -> None:
    reply = invoke(compose(Echo()), b"", content_type="image/png", model_dir=tmp_path)
    assert reply.status == 415
    assert not reply.ok
    assert reply.json()["code"] == "unsupported_media_type"
    with pytest.raises(UnsupportedMediaTypeError):
        reply.raise_for_status()


def test_a_wrong_artefact_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError):
        invoke(compose("xgboost"), b"", model_dir=tmp_path / "absent")


def test_headers_reach_functions_that_take_a_context(tmp_path: Path) -> None:
    def predict_fn(data: Any, model: Any, context: Any = None) -> Any:
        return [context.custom_attributes]

    handler = compose(Echo())._replace(predict_fn=predict_fn)
    headers = {"X-Amzn-SageMaker-Custom-Attributes": "trace=7"}
    assert invoke(handler, "[]", model_dir=tmp_path, headers=headers).json() == ["trace=7"]


def test_json_is_read_strictly() -> None:
    with pytest.raises(ValueError, match="NaN is not JSON"):
        Reply(200, "application/json", b"[NaN]").json()


def test_a_failing_assertion_shows_the_reply() -> None:
    assert repr(Reply(200, "text/csv", b"1\n")) == r"<Reply 200 text/csv b'1\n'>"
    assert "and 800 more bytes" in repr(Reply(200, "text/csv", b"1" * 1000))
