"""scikit-learn: estimators and pipelines, skops first."""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import (
    DeclarationError,
    InvalidFeaturesError,
    ModelLoadError,
    UntrustedFormatError,
)
from scriptmode.models.arrays import (
    as_frame,
    as_matrix,
    refuse_bad_cell,
    refuse_names,
    refuse_text,
)
from scriptmode.models.artifacts import place
from scriptmode.models.base import Signature
from scriptmode.models.forks import make_forks_safe
from scriptmode.models.pickled import inspect_pickle
from scriptmode.models.pickles import (
    SUFFIXES,
    UNSAFE,
    check_releases,
    explain,
    is_pickle,
    load_pickle,
)
from scriptmode.models.skops_files import inspect_skops
from scriptmode.models.stored import Trusting
from scriptmode.models.trust import require_trust
from scriptmode.models.versions import LIBRARIES, Library

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

_FILE = "model.skops"
_WRITTEN = re.compile(r"^Trying to unpickle estimator \S+ from version (\S+) when using version")
_TEXT = re.compile(r"could not convert string to float: '(.*)'", re.DOTALL)
_MAY_TAKE_TEXT = ("steps", "transformers", "categories_", "best_estimator_")
_ONE_AT_A_TIME = threading.Lock()
_ROWWISE = re.compile(
    r"(DecisionTree|ExtraTrees?|RandomForest|(Hist)?GradientBoosting)(Classifier|Regressor)"
    r"|(Standard|MinMax|MaxAbs|Robust)Scaler|SimpleImputer"
)
_METHODS = {
    "value": "predict",
    "label": "predict",
    "proba": "predict_proba",
    "margin": "decision_function",
    "leaf": "apply",
    "transform": "transform",
}


@dataclass(frozen=True)
class Sklearn(Trusting):
    """Loads an estimator, and answers what its ``predict`` answers.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: what becomes of a file that another minor version of scikit-learn wrote, which
            promises nothing between them; see :mod:`scriptmode.models.versions`.
        trusted: ``pickle``, ``joblib``, ``cloudpickle``, or full names of types that a skops file
            may hold beyond those that skops itself trusts, such as ``sklearn.tree._tree.Tree``;
            see :mod:`scriptmode.models.trust`.
    """

    name: ClassVar[str] = "sklearn"
    library: ClassVar[Library] = LIBRARIES["sklearn"]
    forms: ClassVar[tuple[str, ...]] = ("skops",)
    unsafe_forms: ClassVar[tuple[str, ...]] = UNSAFE
    output_names: ClassVar[tuple[str, ...]] = tuple(_METHODS)

    def load(self, model_dir: Path) -> Any:
        """Read the estimator.

        Raises:
            ModelLoadError: none or several candidates, a damaged file, one of another release,
                or no estimator in it.
            UntrustedFormatError: a pickle that is not trusted by name, or a skops file that
                holds types which are not.
        """
        path = self._find(model_dir)
        make_forks_safe()
        with _releases_told() as told:
            if is_pickle(path):
                model = load_pickle(path, self.trusted, self.versions)
            else:
                model = self._load_skops(path)
        known = (inspect_pickle if is_pickle(path) else inspect_skops)(path).releases
        for written in told - set(known.values()):
            self.library.check(written, path, self.versions)
        if not (hasattr(model, "predict") or hasattr(model, "transform")):
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
        return _ask(model, "predict", data)

    def is_rowwise(self, model: Any) -> bool:
        """Of trees, and of pipelines of them and what scales each cell by itself.

        A product of matrices is no sum in one order: it differs with the number of its rows.
        """
        parts = [part for _, part in getattr(model, "steps", ())] or [model]
        return all(_is_rowwise(part) for part in parts)

    def signature(self, model: Any) -> Signature:
        """``feature_names_in_``, ``n_features_in_`` and ``classes_``, where it has them."""
        names: Any = getattr(model, "feature_names_in_", None)
        classes: Any = getattr(model, "classes_", None)
        return Signature(
            names=None if names is None else tuple(names.tolist()),
            width=getattr(model, "n_features_in_", None),
            objective=type(getattr(model, "_final_estimator", model)).__name__,
            classes=tuple(classes.tolist()) if hasattr(classes, "tolist") else None,
        )

    def outputs(self, model: Any) -> dict[str, Callable[[Any, Any], Any]]:
        """What the estimator's own methods answer: ``proba`` is ``predict_proba``, and so on."""

        def ask(method: str) -> Callable[[Any, Any], Any]:
            return lambda model, data: _ask(model, method, data)

        left_out = set() if hasattr(model, "classes_") else {"label"}
        is_chain = hasattr(model, "order_")
        if isinstance(getattr(model, "classes_", None), list) and not is_chain:
            left_out.add("proba")  # one array for each of several targets, not a row for each row
        return {
            name: ask(method)
            for name, method in _METHODS.items()
            if hasattr(model, method) and name not in left_out
        }

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write the estimator in the skops format.

        Returns:
            The file: the declared one, else ``model.skops``.

        Raises:
            DeclarationError: the declared file is no skops file, or the estimator is made of
                what lives in ``__main__``, which no other process can import.
        """
        path = place(model_dir, self.file, _FILE)
        if path.suffix in SUFFIXES:
            raise DeclarationError(
                f"{path.name!r} would be a pickle, which is not written: declare a file that"
                " ends in .skops"
            )
        skops = require("skops.io", extra="sklearn")
        skops.dump(model, path)
        local = [name for name in skops.get_untrusted_types(file=path) if _is_local(name)]
        if local:
            path.unlink()
            raise DeclarationError(
                f"the model holds {', '.join(local)}, which no other process can import: move it"
                " from the script that runs into a module"
            )
        return path

    def _load_skops(self, path: Path) -> Any:
        skops = require("skops.io", extra="sklearn")
        try:
            types = skops.get_untrusted_types(file=path)
            for name in types:
                require_trust(self.trusted, name, path)
            check_releases(inspect_skops(path), path, self.versions)
            return skops.load(path, trusted=types)
        except (UntrustedFormatError, ModelLoadError):
            raise
        except Exception as error:  # a damaged file can fail anywhere in skops
            reason = explain(error, inspect_skops(path))
            raise ModelLoadError(f"{path} cannot be read: {reason}") from error


@contextmanager
def _releases_told() -> Generator[set[str]]:
    """The releases of scikit-learn that are told of while an estimator is read.

    It only warns about estimators that another release wrote; the policy is ours.
    """
    told: set[str] = set()
    # The filters of warnings are those of the whole process.
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield told
    for warning in caught:
        written = _WRITTEN.search(str(warning.message))
        if written is None:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
        else:
            told.add(written[1])


def _ask(model: Any, method: str, data: Any) -> Any:
    data = _in_its_form(model, data)
    try:
        return getattr(model, method)(data)
    except (ValueError, TypeError) as error:
        if "unknown categories" in str(error):
            raise InvalidFeaturesError(str(error)) from error
        _blame_cell(data, str(error))
        raise


def _blame_cell(data: Any, problem: str) -> None:
    """Find the cell that an estimator complains of, if it is one.

    Raises:
        InvalidFeaturesError: there is one.
    """
    if hasattr(data, "tocsr"):
        return
    if not hasattr(data, "columns"):
        refuse_bad_cell(data, may_be_missing=False)
        return
    if (text := _TEXT.search(problem)) is not None:
        refuse_text(data, text[1])
    elif "NaN" in problem or "infinity" in problem or "too large" in problem:
        numbers = data.select_dtypes(["number", "bool"])
        if len(numbers.columns) == len(data.columns):
            refuse_bad_cell(data, may_be_missing=False)
        for name in numbers.columns:
            refuse_bad_cell(data[[name]], may_be_missing=False)


def _is_local(name: str) -> bool:
    return name.startswith("__main__.")


def _in_its_form(model: Any, data: Any) -> Any:
    """The table as the estimator was fitted on it; text only where some step may take it."""
    names = getattr(model, "feature_names_in_", None)
    if hasattr(data, "tocsr"):  # what is absent is zero to scikit-learn
        return data.tocsr() if names is None else _named_sparse(data, names)
    if names is None:
        refuse_names(data)
        return as_matrix(data)
    if not any(hasattr(model, attribute) for attribute in _MAY_TAKE_TEXT):
        data = as_matrix(data)
    return _with_nan(as_frame(data, names.tolist()))


def _with_nan(frame: Any) -> Any:
    """Missing text as NaN, as pandas reads it and scikit-learn is fitted on it."""
    objects = [index for index, kind in enumerate(frame.dtypes) if kind.kind == "O"]
    if not objects:
        return frame
    frame = frame.copy()
    for index in objects:
        column = frame.iloc[:, index]
        frame.isetitem(index, column.where(column.notna(), float("nan")))
    return frame


def _named_sparse(data: Any, names: Any) -> Any:
    import pandas as pd

    frame: Any = pd.DataFrame
    return frame.sparse.from_spmatrix(data, columns=names.tolist())


def _is_rowwise(part: Any) -> bool:
    if isinstance(part, str):
        return part == "passthrough"
    kind = type(part)
    is_known = kind.__module__.startswith("sklearn.") and _ROWWISE.fullmatch(kind.__name__)
    # Threads add up their trees as they come; what a boosting starts from may be any estimator.
    starts = getattr(part, "init", None)
    is_plain = getattr(part, "n_jobs", None) in (None, 1) and (starts is None or starts == "zero")
    return bool(is_known) and is_plain
