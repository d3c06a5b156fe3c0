import json
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
import pytest

from scriptmode import DeclarationError, compose_from
from scriptmode.handlers.declaration import Declaration

SCHEMA = Path(__file__).parents[2] / "docs/scriptmode.schema.json"
TOML = """
model = "xgboost"
accepts = ["text/csv", "json"]
returns = "json"
features = ["a", "b"]
[options.csv]
header = true
"""
YAML = """
model: xgboost
accepts: [text/csv, json]
returns: json
features: [a, b]
options: {csv: {header: true}}
"""


def script(folder: Path, **files: str) -> Path:
    for suffix, text in files.items():
        (folder / f"inference.{suffix}").write_text(text)
    return folder / "inference.py"


@pytest.mark.parametrize("files", [{"toml": TOML}, {"yaml": YAML}, {"yml": YAML}])
def test_the_file_beside_the_script_is_the_declaration(tmp_path: Path, files: Any) -> None:
    handler = compose_from(script(tmp_path, **files))
    assert handler.input_fn(b"a,b\n1,2\n", None).names == ("a", "b")
    assert handler.output_fn([1], None) == (b"[1]", "application/json")


def test_keywords_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script(tmp_path, toml=TOML)
    monkeypatch.setenv("SCRIPTMODE_RETURNS", "text/csv")
    assert compose_from(path).output_fn([1], None)[1] == "text/csv"
    assert (
        compose_from(path, returns="jsonlines").output_fn([1], None)[1] == "application/jsonlines"
    )
    monkeypatch.setenv("SCRIPTMODE_MODEL", "sklearn")
    assert compose_from(path).model_fn.__self__.inference.loader.name == "sklearn"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no declaration beside .*expected inference.toml, inference.yaml, inference.yml"),
        ({"toml": TOML, "yml": YAML}, "several declarations"),
        ({"toml": 'model = "xgboost"\nacepts = "csv"'}, "'acepts'; did you mean 'accepts'"),
        ({"toml": 'model = "xgbost"'}, "did you mean 'xgboost'"),
        ({"toml": "model = 3"}, "model: input should be a valid string"),
        ({"toml": 'accepts = "csv"'}, "model: field required"),
        ({"toml": "model = "}, "inference.toml"),
        ({"yaml": "model: [unclosed"}, "inference.yaml"),
        ({"yaml": "- xgboost"}, "the file: input should be a valid dictionary"),
        ({"toml": 'model = "xgboost"\n[options.cvs]\nheader = true'}, "'cvs'"),
    ],
)
def test_a_wrong_file_is_found_when_the_script_is_imported(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        compose_from(script(tmp_path, **files))


def test_yaml_cannot_construct_objects(tmp_path: Path) -> None:
    path = script(tmp_path, yaml="model: !!python/object/apply:os.getcwd []")
    with pytest.raises(DeclarationError, match="could not determine a constructor"):
        compose_from(path)


def test_the_published_schema_is_current() -> None:
    published, current = json.loads(SCHEMA.read_text()), Declaration.model_json_schema()
    if tuple(map(int, pydantic.VERSION.split(".")[:2])) < (2, 11):  # older ones spell it shorter
        published, current = published["properties"].keys(), current["properties"].keys()
    assert published == current, "run `make schema`"


def test_the_published_schema_accepts_and_refuses_what_we_do() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate({"model": "xgboost", "accepts": "csv", "options": {"csv": {}}}, schema)
    for wrong in (
        {"accepts": "csv"},
        {"model": "x", "acepts": []},
        {"model": "x", "features": "a"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
