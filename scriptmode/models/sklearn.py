"""scikit-learn: estimators and pipelines, skops first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import InvalidFeaturesError, ModelLoadError, UntrustedFormatError
from scriptmode.models.arrays import as_frame, as_matrix, refuse_bad_cell, refuse_names
from scriptmode.models.base import Signature, find_artifact
from scriptmode.models.pickles import SUFFIXES, UNSAFE, load_pickle
from scriptmode.models.trust import check_trusted, require_trust

if TYPE_CHECKING:
    from scriptmode.models.trust import Trusted

_FILE = "model.skops"


@dataclass(frozen=True)
class Sklearn:
    """Loads an estimator, and answers what its ``predict`` answers.

    Args:
        file: the artefact's name in the model folder. When absent, the only file that ends in
            ``.skops`` (or, when trusted, ``.joblib``, ``.pkl``, ``.pickle``).
        trusted: ``pickle``, ``joblib``, or full names of types that a skops file may hold beyond
            those that skops itself trusts, such as ``sklearn.tree._tree.Tree``; see
            :mod:`scriptmode.models.trust`.
    """

    file: str | None = None
    trusted: Trusted = ()

    name: ClassVar[str] = "sklearn"

    def __post_init__(self) -> None:
        check_trusted(self.trusted, UNSAFE)

    def load(self, model_dir: Path) -> Any:
        """Read the estimator.

        Raises:
            ModelLoadError: none or several candidates, a damaged file, or no estimator in it.
            UntrustedFormatError: a pickle that is not trusted by name, or a skops file that
                holds types which are not.
        """
        path = find_artifact(Path(model_dir), self.file, _recognise)
        is_pickle = path.suffix in SUFFIXES
        model = load_pickle(path, self.trusted) if is_pickle else self._load_skops(path)
        if not hasattr(model, "predict"):
            raise ModelLoadError(f"{path} holds a {type(model).__name__}, which cannot predict")
        return model

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the estimator for all rows at once.

        Args:
            model: what ``load`` returned.
            data: ``(rows, features)``. An estimator fitted on named columns gets them by name.

        Returns:
            What ``model.predict`` returns, usually ``(rows,)``.

        Raises:
            InvalidFeaturesError: not a table, or a cell that the estimator cannot take: text,
                missing, infinite, or of a category it has not seen.
        """
        data = _in_its_form(model, data)
        try:
            return model.predict(data)
        except (ValueError, TypeError) as error:
            if "unknown categories" in str(error):
                raise InvalidFeaturesError(str(error)) from error
            if getattr(model, "steps", None) is None:
                refuse_bad_cell(data, may_be_missing=False)
            raise

    def signature(self, model: Any) -> Signature:
        """``feature_names_in_`` and ``n_features_in_``, where the estimator has them."""
        names = getattr(model, "feature_names_in_", None)
        count = getattr(model, "n_features_in_", None)
        return Signature(None if names is None else tuple(names.tolist()), count)

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write the estimator in the skops format.

        Returns:
            The file, ``model.skops``.
        """
        path = Path(model_dir) / _FILE
        require("skops.io", extra="sklearn").dump(model, path)
        return path

    def _load_skops(self, path: Path) -> Any:
        skops = require("skops.io", extra="sklearn")
        try:
            types = skops.get_untrusted_types(file=path)
            for name in types:
                require_trust(self.trusted, name, path)
            return skops.load(path, trusted=types)
        except UntrustedFormatError:
            raise
        except Exception as error:  # a damaged file can fail anywhere in skops
            raise ModelLoadError(f"{path} cannot be read: {error}") from error


def _in_its_form(model: Any, data: Any) -> Any:
    """The table as the estimator was fitted on it; only a pipeline may take text."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        refuse_names(data)
        return as_matrix(data)
    if getattr(model, "steps", None) is None:
        data = as_matrix(data)
    return as_frame(data, names.tolist())


def _recognise(path: Path) -> bool:
    return path.suffix == ".skops" or path.suffix in SUFFIXES
