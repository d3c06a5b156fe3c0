"""Every example in the documentation is executed by the tests."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours reaches a test from outside."""
    for name in [name for name in os.environ if name.startswith("SCRIPTMODE_")]:
        monkeypatch.delenv(name)


# Loaders are compared, to the bit, with what frameworks answer on the processor.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# Anywhere else each run explores new examples; a build must not fail by chance.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

pytest_collect_file: Any = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    path=str(Path(__file__).parent),
).pytest()
