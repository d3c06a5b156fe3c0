from pathlib import Path

from tests.contract.page import page

PAGE = Path(__file__).parent.parent.parent / "docs" / "where-it-runs.md"


def test_the_page_is_made_of_the_table() -> None:
    assert PAGE.read_text() == page()
