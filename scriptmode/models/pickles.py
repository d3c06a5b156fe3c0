"""Reading pickle, joblib and cloudpickle files, once they are trusted by name."""

from __future__ import annotations

import importlib
import pickle
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import ModelLoadError
from scriptmode.models.looks import look
from scriptmode.models.pickled import Contents, inspect_pickle
from scriptmode.models.trust import require_trust
from scriptmode.models.versions import LIBRARIES, VersionPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from scriptmode.models.trust import Trusted

UNSAFE = ("pickle", "joblib", "cloudpickle")
SUFFIXES = (".pkl", ".pickle", ".joblib")


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle of any kind, whatever it is called."""
    return look(path).form in UNSAFE


def load_pickle(path: Path, trusted: Trusted, versions: VersionPolicy) -> Any:
    """The object in a file that pickle, joblib or cloudpickle wrote; its content tells which.

    Raises:
        UntrustedFormatError: the format is not trusted by name.
        ModelLoadError: another release wrote it than can be relied on to read it, or unpickling
            failed; names class, module and releases where the file tells them.
    """
    name = look(path).form or "pickle"
    require_trust(trusted, name, path)
    contents = inspect_pickle(path)
    check_releases(contents, path, versions)
    reader = require("joblib", extra="sklearn") if name == "joblib" else pickle
    try:
        with path.open("rb") as stream:
            return reader.load(stream)
    except Exception as error:  # unpickling runs the file's own code, which may raise anything
        raise ModelLoadError(f"{path} cannot be unpickled: {explain(error, contents)}") from error


def check_releases(contents: Contents, path: Path, versions: VersionPolicy) -> None:
    """Hold the releases that wrote a file against those that read it, before anything is built.

    Raises:
        ModelLoadError: one cannot be relied on, and the policy is ``error``.
    """
    for name, written in contents.releases.items():
        if LIBRARIES[name].is_installed():
            LIBRARIES[name].check(written, path, versions, holds=contents.root)


def explain(error: BaseException, contents: Contents) -> str:
    """Why an object cannot be read back: what it refers to, and the releases then and now."""
    reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    parts = [reason]
    missing = next((name for name in contents.classes if not _is_there(name)), None)
    if missing is not None:
        parts.append(f"it refers to {missing}, which is not here")
    elif contents.root:
        parts.append(f"it holds {contents.root}")
    if (missing or "").startswith("__main__."):
        parts.append("move the class from the script that ran into a module, and save it again")
    for name, written in contents.releases.items():
        if LIBRARIES[name].is_installed():
            found = LIBRARIES[name].installed()
            parts.append(f"{name} {written} wrote it, {found} is installed")
    return "; ".join([*parts, *_about_numpy(contents)])


def _about_numpy(contents: Contents) -> list[str]:
    """Its release is not written down, but only that of 2 and later refers to ``numpy._core``."""
    import numpy as np

    is_later = any(name.startswith("numpy._core.") for name in contents.classes)
    if is_later and int(np.__version__.partition(".")[0]) < 2:  # noqa: PLR2004
        return [f"numpy 2 wrote it, {np.__version__} is installed"]
    return []


def _is_there(name: str) -> bool:
    """Whether a class can be imported; the file is trusted where this is asked."""
    module, _, attribute = name.rpartition(".")
    while module:
        try:
            found: Any = importlib.import_module(module)
        except Exception:  # noqa: BLE001 - a module may raise anything while it is imported
            module, _, before = module.rpartition(".")
            attribute = f"{before}.{attribute}"
            continue
        for part in attribute.split("."):
            found = getattr(found, part, None)
        return found is not None
    return False
