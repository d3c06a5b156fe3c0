"""The playground in a real browser: Chromium, without a screen."""

import csv as csv_module
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.hosting.served import Server, serving

pytestmark = pytest.mark.peer

SCRIPT = """
from typing import Literal
from pydantic import BaseModel, Field
from scriptmode import compose

class Patient(BaseModel):
    age: float = Field(ge=0, le=120, description="in years", examples=[41])
    bmi: float | None = Field(description="may be left out", examples=[22.5])
    sex: Literal[1, 2]
    pressure: float = Field(ge=40, le=200, examples=[81])

model_fn, input_fn, predict_fn, output_fn = compose(
    "xgboost",
    features=Patient,
    accepts=["json", "csv", "npy"],
    returns=["json", "csv", "jsonlines"],
)
"""
BY_HAND = """
def model_fn(model_dir): return None
def input_fn(body, content_type): return body
def predict_fn(data, model): return {"echo": data}
def output_fn(prediction, accept): return prediction
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROWS = np.random.default_rng(2).uniform([20, 18, 1, 60], [80, 40, 2, 140], size=(1234, 4))
ROWS[:, 2] = ROWS[:, 2].round()


@pytest.fixture(scope="module")
def booster() -> Any:
    table = xgb.DMatrix(ROWS, ROWS.sum(axis=1), feature_names=["age", "bmi", "sex", "pressure"])
    return xgb.train({"nthread": 1, "max_depth": 3}, table, 20)


@pytest.fixture(scope="module")
def server(booster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("playground")
    (folder / "inference.py").write_text(SCRIPT)
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    with serving(folder / "inference.py", folder) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    yield from opened(browser, server)


def opened(browser: Browser, server: Server, **options: Any) -> Iterator[Page]:
    context = browser.new_context(accept_downloads=True, **options)
    page = context.new_page()
    wrong: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    address = f"http://127.0.0.1:{server.port}/"
    page.on(
        "request",
        lambda sent: (
            None if sent.url.startswith((address, "data:", "blob:")) else foreign.append(sent.url)
        ),
    )
    page.goto(address)
    expect(page.locator("#state")).to_have_text("the model is ready")
    yield page
    context.close()
    assert [each for each in wrong if "status of 4" not in each] == []
    assert foreign == []


def expected(booster: Any, rows: Any) -> list[float]:
    return [float(np.float32(value)) for value in booster.inplace_predict(np.asarray(rows))]


def test_the_form_is_the_endpoints_own_and_answers(page: Page, booster: Any) -> None:
    assert page.locator("#columns label").all_inner_texts()[0].startswith("age")
    assert page.get_by_role("textbox", name="age").input_value() == "41"
    page.get_by_role("textbox", name="age").fill("63")
    page.get_by_role("combobox", name="sex").select_option("2")
    assert json.loads(page.locator("#body").input_value()) == [
        {"age": 63, "bmi": 22.5, "sex": 2, "pressure": 81}
    ]
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#status")).to_contain_text("200 OK")
    (value,) = expected(booster, [[63, 22.5, 2, 81]])
    found = page.locator("#view-table td").all_inner_texts()
    assert (found[0], np.float32(found[1])) == ("1", np.float32(value))
    expect(page.locator("#times")).to_contain_text("predict")


def test_a_mistake_says_what_and_where(page: Page) -> None:
    page.get_by_role("textbox", name="age").fill("190")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("422")
    expect(page.locator("#raw")).to_contain_text("age")
    assert page.locator("#tab-raw").get_attribute("aria-selected") == "true"


def test_every_type_that_it_offers_is_answered_alike(page: Page, booster: Any) -> None:
    rows = ROWS[:3].tolist()
    bodies = {
        "application/json": json.dumps(rows),
        "text/csv": "\n".join(",".join(map(str, row)) for row in rows),
    }
    for content_type, body in bodies.items():
        for accept in ("application/json", "text/csv", "application/jsonlines"):
            page.locator("#content-type").fill(content_type)
            page.locator("#accept").fill(accept)
            page.locator("#body").fill(body)
            page.get_by_role("button", name="Send").click()
            expect(page.locator("#status")).to_contain_text(accept)
            found = page.locator("#view-table td:last-child").all_inner_texts()
            assert [np.float32(cell) for cell in found] == expected(booster, rows)
    page.get_by_role("tab", name="Chart").click()
    assert page.locator("#view-chart rect").count() == 3


def test_a_binary_file_is_sent_as_it_is(page: Page, booster: Any) -> None:
    buffer = io.BytesIO()
    np.save(buffer, ROWS[:2])
    page.locator("#content-type").fill("application/x-npy")
    page.locator("#file").set_input_files(
        {"name": "rows.npy", "mimeType": "application/octet-stream", "buffer": buffer.getvalue()}
    )
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#status")).to_contain_text("200 OK")
    found = page.locator("#view-table td:last-child").all_inner_texts()
    assert [np.float32(cell) for cell in found] == expected(booster, ROWS[:2])
    expect(page.locator("#curl")).to_contain_text("--data-binary @'rows.npy'")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#body")).to_be_enabled()


def test_a_whole_file_is_answered_line_by_line(page: Page, booster: Any) -> None:
    target = io.StringIO()
    writer = csv_module.writer(target, quoting=csv_module.QUOTE_ALL)
    writer.writerows(ROWS.tolist())
    page.locator("#content-type").fill("text/csv")
    page.locator("#accept").fill("text/csv")
    with page.expect_download() as download:
        page.locator("#batch-file").set_input_files(
            {"name": "rows.csv", "mimeType": "text/csv", "buffer": target.getvalue().encode()}
        )
        expect(page.locator("#batch-status")).to_have_text("1234 of 1234 lines are answered")
        page.get_by_role("link", name="Save the answers").click()
    assert download.value.suggested_filename == "rows.csv.out"
    found = Path(download.value.path()).read_text().split()
    assert [np.float32(cell) for cell in found] == expected(booster, ROWS)


def test_a_file_with_a_bad_line_says_which_lines(page: Page) -> None:
    lines = ["50,25,1,80"] * 600
    lines[555] = "50,25,1,x"
    page.locator("#content-type").fill("text/csv")
    page.locator("#batch-file").set_input_files(
        {"name": "bad.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    )
    expect(page.locator("#batch-status")).to_contain_text("lines 501 to 600 were refused with 4")


@pytest.mark.parametrize("language", ["curl", "python"])
def test_the_lines_for_elsewhere_do_the_same(page: Page, language: str) -> None:
    import subprocess
    import sys

    page.get_by_role("button", name="Send").click()
    expect(page.locator("#status")).to_contain_text("200 OK")
    text = page.locator(f"#{language}").text_content()
    command = ["bash", "-c", f"{text} -s"] if language == "curl" else [sys.executable, "-c", text]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == json.loads(page.locator("#raw").text_content() or "")


def test_it_can_be_used_from_the_keyboard_and_is_named(page: Page) -> None:
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button, progress")]
        .filter((each) => !each.labels?.length && !each.ariaLabel && !each.textContent.trim())
        .map((each) => each.id)"""
    )
    assert unnamed == []
    page.locator("#tab-curl").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#view-python")).to_be_visible()
    expect(page.locator("#tab-python")).to_be_focused()


def contrasts(page: Page) -> float:
    """The least contrast of text to what lies behind it, as WCAG 2 counts it."""
    found: float = page.evaluate(
        """() => {
        const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
        const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255;
          return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
          return .2126 * r + .7152 * g + .0722 * b; };
        const behind = (e) => { while (e) { const c = rgb(getComputedStyle(e).backgroundColor);
          if (c.length < 4 || c[3] > 0) return c; e = e.parentElement; } return [255, 255, 255]; };
        const told = "h1, h2, p, label, button, th, td, pre, small, li";
        const ratios = [...document.querySelectorAll(told)]
          .filter((e) => e.offsetParent && e.textContent.trim())
          .map((e) => { const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); });
        return Math.min(...ratios); }"""
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width"), [("desktop", 1280), ("phone", 390)])
def test_it_fits_and_can_be_read(
    browser: Browser, server: Server, scheme: str, device: str, width: int
) -> None:
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    for page in opened(browser, server, **options):
        rows = json.dumps(ROWS[:40].tolist())
        page.locator("#body").fill(rows)
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#status")).to_contain_text("200 OK")
        page.get_by_role("tab", name="Chart").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert contrasts(page) >= 4.5
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/{device}-{scheme}.png", full_page=True)


def test_functions_by_hand_have_a_box_to_paste_into(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "by_hand.py").write_text(BY_HAND)
    with serving(tmp_path / "by_hand.py", tmp_path) as server:
        server.wait_until_ready()
        for page in opened(browser, server):
            assert not page.locator("#fields").is_visible()
            page.locator("#body").fill('"<b>told</b>"')
            page.get_by_role("button", name="Send").click()
            expect(page.locator("#raw")).to_contain_text("<b>told</b>")


def test_it_is_for_development_only(server: Server, tmp_path: Path) -> None:
    page = server.ask("GET", "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    (tmp_path / "by_hand.py").write_text(BY_HAND)
    with serving(tmp_path / "by_hand.py", tmp_path, "--no-development") as other:
        assert other.ask("GET", "/").status == 404
