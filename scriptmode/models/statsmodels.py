"""statsmodels: fitted results, which it keeps in pickles only."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import ModelLoadError
from scriptmode.models.arrays import as_matrix, refuse_names
from scriptmode.models.base import Signature
from scriptmode.models.formulas import apply_formula
from scriptmode.models.pickle import save_pickle
from scriptmode.models.pickles import UNSAFE, load_pickle
from scriptmode.models.stored import Trusting
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Statsmodels(Trusting):
    """Loads fitted results, and answers what their ``predict`` answers.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: likewise.
        trusted: ``pickle``, ``joblib`` or ``cloudpickle``; see :mod:`scriptmode.models.trust`. A
            formula is Python code, too.
    """

    _known: PerObject[Signature] = field(
        default_factory=lambda: PerObject(_read_signature), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "statsmodels"
    library: ClassVar[Library] = Library("statsmodels")
    unsafe_forms: ClassVar[tuple[str, ...]] = UNSAFE
    output_names: ClassVar[tuple[str, ...]] = ("value", "margin")

    def load(self, model_dir: Path) -> Any:
        """Read the results.

        Returns:
            Fitted results of statsmodels.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, or no results in it that
                predict from rows, as those of a series of times do not.
            UntrustedFormatError: the format is not trusted by name.
        """
        require("statsmodels", extra="statsmodels")
        path = self._find(model_dir)
        model = load_pickle(path, self.trusted, self.versions)
        if not hasattr(model, "predict") or not hasattr(model, "params"):
            raise ModelLoadError(f"{path} holds a {type(model).__name__}, not fitted results")
        if not _takes_rows(model):
            raise ModelLoadError(
                f"{path} holds a {type(model.model).__name__}, whose predict takes no rows of"
                " features: load it as 'pickle', and declare predict=..., a function"
                " (model, data, context)"
            )
        return model

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the results for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table. Results of a formula take its columns by name; others take them in the
                order that they were fitted on, the constant among them.

        Returns:
            ``(rows,)``, or ``(rows, outcomes)``.

        Raises:
            InvalidFeaturesError: columns are missing, or no numbers.
        """
        return self._ask(model, data)

    def signature(self, model: Any) -> Signature:
        """The names of the columns that it was fitted on, where a formula does not make them."""
        return self._known(model)

    def outputs(self, model: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """``margin`` is the linear predictor, where the model has one."""
        found: dict[str, Callable[[Any, Any], Any]] = {"value": self.predict}
        if type(model.model).__name__ in ("GLM", "Logit", "Probit", "Poisson", "MNLogit"):
            found["margin"] = lambda model, data: self._ask(model, data, which="linear")
        return found

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write the results in the pickle format that is trusted.

        Raises:
            DeclarationError: none is.
        """
        return save_pickle(model, model_dir, self.file, self.trusted)

    def _ask(self, model: Any, data: Any, **options: str) -> Any:
        import numpy as np

        known = self._known(model)
        if known.width is not None:
            if known.names is None:
                refuse_names(data)
            return np.asarray(model.predict(as_matrix(data), **options))
        fitted = getattr(model.model.data, "frame", None)
        return apply_formula(
            lambda frame: np.asarray(model.predict(frame, **options)), fitted, data
        )


def _takes_rows(model: Any) -> bool:
    results = getattr(model, "_results", model)  # within the wrapper that keeps pandas's index
    return next(iter(inspect.signature(results.predict).parameters), None) == "exog"


def _read_signature(model: Any) -> Signature:
    objective = type(model.model).__name__
    if getattr(model.model, "formula", None) is not None:
        return Signature(objective=objective, reads_names=True)
    names = tuple(model.model.exog_names)
    own = [name for name in names if name != "const"]
    is_unnamed = own == [f"x{number}" for number in range(1, len(own) + 1)]
    return Signature(None if is_unnamed else names, len(names), objective=objective)
