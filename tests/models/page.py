"""The page of all frameworks, made of the loaders that the suites test.

python -m tests.models.page > docs/frameworks.md
"""

import inspect
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scriptmode._imports import import_string
from scriptmode.models import BUILTINS
from scriptmode.models.looks import WORDS
from tests.models.test_skew import ENVIRONMENTS

PAGE = Path(__file__).parent.parent.parent / "docs" / "frameworks.md"
NO_FRAMEWORKS = ("json", "path")
PACKAGES = {
    "mlflow": ("mlflow-skinny",),
    "onnx": ("onnxruntime",),
    "pickle": ("joblib", "cloudpickle"),
    "sklearn": ("scikit-learn", "skops"),
    "tensorflow": ("tensorflow",),
    "torch": ("torch", "safetensors"),
    "xgboost": ("xgboost-cpu",),
}
SAVES = {
    "catboost": "its binary form",
    "keras": "`.keras`",
    "lightgbm": "text",
    "mlflow": "a pyfunc folder, when trusted",
    "onnx": "ONNX",
    "pickle": "a pickle, when trusted",
    "sklearn": "skops",
    "spacy": "a folder",
    "statsmodels": "a pickle, when trusted",
    "tensorflow": "a SavedModel",
    "torch": "safetensors; a program or TorchScript, when trusted",
    "transformers": "a folder with safetensors",
    "xgboost": "UBJSON or JSON",
}
TELLS = {
    "catboost": "names, width, types, loss, classes",
    "keras": "width",
    "lightgbm": "names, width, categories, objective, classes",
    "mlflow": "names, width, types",
    "onnx": "width or names, types",
    "pickle": "names, width, classes",
    "sklearn": "names, width, classes",
    "spacy": "classes",
    "statsmodels": "names, width; of a formula neither",
    "tensorflow": "width",
    "torch": "width of a sequence, inputs of a program",
    "transformers": "task, classes",
    "xgboost": "names, width, types, categories, objective, classes",
}
HEAD = """# Frameworks

What each loader reads and writes, what its models tell of themselves, and what they can be asked
for. `python -m tests.models.page` makes this page of the loaders themselves; `tests/models` holds
each to the same suite: what was saved is answered in a fresh process as the library itself answers,
bit for bit; 1000 requests from 16 threads equal the serial run; a forked worker answers.
[How to choose and add frameworks](how-to/frameworks.md) says how they are declared.

| name | safe forms | when trusted by name | saves | signature | can be asked for |
| --- | --- | --- | --- | --- | --- |
"""
SAFETY = """
## Threads, forks and releases

A loader that is not thread-safe is asked by one thread at a time, in every host. One that is not
fork-safe must be loaded after a fork; with `threads=1` LightGBM and XGBoost need not be. Threads of
OpenMP are ended before a fork, since a forked process would wait for them; no process should be
forked once it has other threads.

| name | thread-safe | fork-safe | another release's artefact | tried with |
| --- | --- | --- | --- | --- |
"""
TAIL = """
Artefacts of old releases are written by these releases, each in an environment of its own
(`tests/models/test_skew.py`): {old}.
They load and answer alike, bit for bit, or are refused with the class that they hold and both
releases.
"""


def loaders() -> dict[str, Any]:
    """The class of each framework's loader."""
    named = sorted(set(BUILTINS) - set(NO_FRAMEWORKS))
    return {name: import_string(str(BUILTINS[name].reference)) for name in named}


def forms(names: Any) -> str:
    words = [WORDS.get(name, name).removeprefix("a ").removeprefix("an ") for name in names]
    return ", ".join(words) or "none"


def releases(name: str) -> str:
    packages = PACKAGES.get(name, (name,))
    return ", ".join(f"{each.removesuffix('-cpu')} {installed(each)}" for each in packages)


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "0.0"


def policy(loader: Any) -> str:
    library = getattr(loader, "library", None)
    if library is None:
        return "not told"
    return "only of the same minor version" if library.same_minor else "not of a later one"


def yes(value: Any) -> str:
    if isinstance(value, property):
        return "with one thread"
    return "yes" if value else "no"


def page() -> str:
    text = HEAD
    for name, kind in loaders().items():
        trusted = ", ".join(f"`{form}`" for form in getattr(kind, "unsafe_forms", ())) or "nothing"
        asked = ", ".join(f"`{each}`" for each in getattr(kind, "output_names", ("value",))[:6])
        saves = SAVES[name] if hasattr(kind, "save") else "no"
        tells = TELLS[name] if hasattr(kind, "signature") else "nothing"
        text += f"| `{name}` | {forms(kind.forms)} | {trusted} | {saves} | {tells} | {asked} |\n"
    text += SAFETY
    for name, kind in loaders().items():
        threads = yes(getattr(kind, "thread_safe", True))
        forks = yes(inspect.getattr_static(kind, "fork_safe", 1))
        text += f"| `{name}` | {threads} | {forks} | {policy(kind)} | {releases(name)} |\n"
    old = "; ".join(
        ", ".join(pin.replace("==", " ").replace("-cpu", "") for pin in pins[:2])
        for _, pins in ENVIRONMENTS.values()
    )
    return text + TAIL.format(old=old)


if __name__ == "__main__":
    print(page(), end="")
