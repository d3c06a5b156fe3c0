"""Any Python object that can predict, out of a pickle that is trusted."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import DeclarationError
from scriptmode.models.artifacts import place
from scriptmode.models.pickles import UNSAFE
from scriptmode.models.sklearn import Sklearn

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {"pickle": "model.pkl", "joblib": "model.joblib", "cloudpickle": "model.pkl"}


@dataclass(frozen=True)
class Pickle(Sklearn):
    """Loads an object with ``predict``, such as an estimator of a library that has no safe form.

    What scikit-learn's estimators tell of themselves (``feature_names_in_``, ``classes_``,
    ``predict_proba``) is used where the object has it.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: of scikit-learn or xgboost, where the object is made of theirs.
        trusted: ``pickle``, ``joblib`` or ``cloudpickle``; see :mod:`scriptmode.models.trust`.
    """

    name: ClassVar[str] = "pickle"
    forms: ClassVar[tuple[str, ...]] = ()

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write the object in the format that is trusted.

        Returns:
            The file: the declared one, else ``model.pkl`` or ``model.joblib``.

        Raises:
            DeclarationError: no format is trusted.
        """
        return save_pickle(model, model_dir, self.file, self.trusted)


def save_pickle(model: Any, model_dir: Path, file: str | None, trusted: Any) -> Path:
    """Write an object in the first of the pickle formats that is trusted.

    Raises:
        DeclarationError: none is.
    """
    form = next((each for each in UNSAFE if each in trusted), None)
    if form is None:
        raise DeclarationError(
            "it would be a pickle, which executes code when it is read: declare trusted=['pickle']"
        )
    path = place(model_dir, file, _FILES[form])
    if form == "joblib":
        require("joblib", extra="sklearn").dump(model, path)
    else:
        writer = pickle if form == "pickle" else require("cloudpickle", extra="pickle")
        path.write_bytes(writer.dumps(model))
    return path
