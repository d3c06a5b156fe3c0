"""The house as ARCHITECTURE.md draws it: arrows, sizes, and what an import may cost."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "scriptmode"
FILES = sorted(PACKAGE.rglob("*.py"))
FLOORS = [
    {"errors", "media", "registry", "values", "codings", "_imports", "_memo", "_files", "_bars"},
    {"serializers", "models"},
    {"handlers"},
    {"hosting", "platforms", "training"},
    {"cli", "testing"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
ALLOWED_BESIDE = {("platforms", "hosting"), ("errors", "errors")}
GROUND = FLOORS[0]
HEAVY = {"numpy", "pandas", "pydantic", "orjson", "scipy", "xgboost", "sklearn", "skops", "uvicorn"}
HEAVY |= {"lightgbm", "catboost", "onnxruntime", "torch", "safetensors", "keras", "tensorflow"}
HEAVY |= {"matplotlib", "tqdm", "uvloop", "httptools", "prometheus_client", "opentelemetry"}
HEAVY |= {"transformers", "statsmodels", "spacy", "mlflow", "joblib", "h5py", "cloudpickle"}
# Files that extend a library's classes, and are imported when used themselves.
MAY_IMPORT = {
    "pydantic": {
        "handlers/declaration.py",
        "handlers/features.py",
        "handlers/manifest.py",
        "training/hyperparameters.py",
    },
    "uvicorn": {"hosting/draining.py", "hosting/protocol.py", "hosting/connection.py"},
    "httptools": {"hosting/connection.py"},
}
LONGEST_FILE, LONGEST_FUNCTION = 300, 40


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom) and inner.module == "scriptmode":
            yield from (f"scriptmode.{alias.name}" for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom) and inner.module:
            yield inner.module


def without_type_checking(tree: ast.Module) -> ast.Module:
    """What is imported when the code runs, in functions too."""
    kept = [node for node in tree.body if "TYPE_CHECKING:" not in ast.unparse(node)[:20]]
    return ast.Module(kept, [])


def top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Statements that run when the module is imported."""
    for node in tree.body:
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not guarded and not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        ):
            yield node


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_downward_only(path: Path) -> None:
    here = room(path)
    if here in ("__init__", "__main__"):  # the front door sees everything, lazily
        return
    for imported in imports(ast.parse(path.read_text())):
        package, _, rest = imported.partition(".")
        there = rest.partition(".")[0]
        if package != "scriptmode" or not there or there == here:
            continue
        assert (
            LEVEL[there] < LEVEL[here]
            or (here in GROUND and there in GROUND)
            or ((here, there) in ALLOWED_BESIDE)
        ), f"{name(path)} imports {imported}"


def test_there_are_no_circles() -> None:
    edges = {
        name(path): {
            target
            for imported in imports(without_type_checking(ast.parse(path.read_text())))
            for target in (f"{imported.removeprefix('scriptmode.').replace('.', '/')}.py",)
            if (PACKAGE / target).is_file()
        }
        for path in FILES
    }
    while edges:
        leaves = {file for file, targets in edges.items() if not targets & edges.keys()}
        assert leaves, f"a circle among {sorted(edges)}"
        edges = {file: targets for file, targets in edges.items() if file not in leaves}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    for node in top_level(ast.parse(path.read_text())):
        for imported in imports(node):
            library = imported.partition(".")[0]
            assert library not in HEAVY or name(path) in MAY_IMPORT.get(library, ())


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


def loaded_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {module.partition(".")[0] for module in output.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import scriptmode") - loaded_after("pass") <= {"scriptmode", "__future__"}


def test_the_smallest_script_loads_nothing_heavy() -> None:
    loaded = loaded_after(
        "from scriptmode import compose; "
        "model_fn, input_fn, predict_fn, output_fn = compose('xgboost')"
    )
    assert not loaded & HEAVY


def test_the_front_door_has_what_it_says() -> None:
    import scriptmode

    assert sorted(scriptmode.__all__) == scriptmode.__all__
    for exported in scriptmode.__all__:
        assert getattr(scriptmode, exported).__module__.startswith("scriptmode.")
    assert scriptmode.__version__
    assert set(scriptmode.__all__) <= set(dir(scriptmode))
    with pytest.raises(AttributeError):
        scriptmode.compos  # noqa: B018


def test_keywords_and_file_fields_are_the_same() -> None:
    from scriptmode.handlers.compose import FIELDS, compose
    from scriptmode.handlers.declaration import Declaration

    parameters = set(inspect.signature(compose).parameters) - {"registries", "unknown"}
    assert parameters == set(Declaration.model_fields) == set(FIELDS)
