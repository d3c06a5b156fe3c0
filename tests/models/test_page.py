import re
from pathlib import Path

import pytest

from scriptmode.models import BUILTINS
from tests.models.page import NO_FRAMEWORKS, PAGE, page

RELEASE = re.compile(r"\d+(\.\d+)+[\w.+]*")


def test_the_page_is_made_of_the_loaders_whatever_is_installed() -> None:
    assert RELEASE.sub("0", PAGE.read_text()) == RELEASE.sub("0", page())


@pytest.mark.parametrize("name", sorted(set(BUILTINS) - set(NO_FRAMEWORKS)))
def test_every_framework_of_the_page_runs_the_suite(name: str) -> None:
    """Which is what it says of them."""
    text = (Path(__file__).parent / f"test_{name}.py").read_text()
    assert re.search(r"^class \w+\(LoaderSuite\):", text, re.MULTILINE)
