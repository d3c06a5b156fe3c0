"""Reading pickle and joblib files, once they are trusted by name."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import ModelLoadError
from scriptmode.models.trust import require_trust

if TYPE_CHECKING:
    from pathlib import Path

    from scriptmode.models.trust import Trusted

UNSAFE = ("pickle", "joblib")
SUFFIXES = {".pkl": "pickle", ".pickle": "pickle", ".joblib": "joblib"}


def load_pickle(path: Path, trusted: Trusted) -> Any:
    """The object in a pickle or joblib file; the suffix ``.joblib`` tells the two apart.

    Raises:
        UntrustedFormatError: the format is not trusted by name.
        ModelLoadError: unpickling failed.
    """
    name = SUFFIXES.get(path.suffix, "pickle")
    require_trust(trusted, name, path)
    reader = pickle if name == "pickle" else require("joblib", extra="sklearn")
    try:
        with path.open("rb") as stream:
            return reader.load(stream)
    except Exception as error:  # unpickling runs the file's own code, which may raise anything
        raise ModelLoadError(
            f"{path} cannot be unpickled: {type(error).__name__}: {error}"
        ) from error
