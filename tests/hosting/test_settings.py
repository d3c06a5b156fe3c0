"""What was asked, and what SageMaker's environment says."""

from pathlib import Path
from typing import Any

import pytest

from scriptmode.cli import main
from scriptmode.errors import DeclarationError
from scriptmode.hosting import settings
from scriptmode.hosting.settings import Settings
from tests.hosting.conftest import MINIMAL
from tests.hosting.served import serving


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": 0},
        {"max_body": 0},
        {"timeout": 0.0},
        {"max_waiting": 0},
        {"max_waiting": -1},
        {"batch_wait": -1.0},
    ],
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=next(iter(wrong))):
        Settings(**wrong)


def test_sagemakers_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.default_port() == 8080
    assert settings.default_timeout() == 60
    assert settings.default_max_body() == 6 * 2**20
    assert not settings.default_multi_model()
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "8123")
    monkeypatch.setenv("SAGEMAKER_MODEL_SERVER_WORKERS", "3")
    monkeypatch.setenv("SAGEMAKER_MODEL_SERVER_TIMEOUT", "7.5")
    monkeypatch.setenv("SAGEMAKER_MAX_PAYLOAD_IN_MB", "100")
    monkeypatch.setenv("SAGEMAKER_MULTI_MODEL", "True")
    assert (settings.default_port(), settings.default_workers()) == (8123, 3)
    assert settings.default_timeout() == 7.5
    assert settings.default_max_body() == 100 * 2**20
    assert settings.default_multi_model()


@pytest.mark.parametrize("value", ["many", "-1", "0", "nan"])
def test_variables_that_are_no_numbers_are_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SAGEMAKER_MODEL_SERVER_TIMEOUT", value)
    with pytest.raises(DeclarationError, match="SAGEMAKER_MODEL_SERVER_TIMEOUT"):
        settings.default_timeout()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "on"], "exact, close, off"),
        (["--predict-in", "gpu"], "auto, loop, thread"),
        (["--log", "everything"], "all, errors, none"),
        (["--workers", "0"], "workers"),
        (["--workers", "2", "--reload"], "workers=1"),
    ],
)
def test_what_cannot_be_asked_for_is_told_at_once(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["serve", str(MINIMAL), "--model-dir", str(tmp_path), "--port", "0", *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.peer
def test_a_batch_job_may_send_more(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, env={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "7"}) as server:
        server.wait_until_ready()
        body = b"1,2,3,4,5\n" * 660_000
        assert server.ask("POST", "/invocations", body, Content_Type="text/csv").status == 200
        assert b'"MaxPayloadInMB": 7' in server.ask("GET", "/execution-parameters").body
