"""CatBoost: models in its own binary form, or in JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.arrays import as_matrix, refuse_names
from scriptmode.models.artifacts import place
from scriptmode.models.base import OUTPUTS, Signature
from scriptmode.models.looks import look
from scriptmode.models.stored import Stored
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_FILE = "model.cbm"
_RELEASE = re.compile(r"tags/v(\d+\.\d+[\w.]*)")


@dataclass(frozen=True)
class CatBoost(Stored):
    """Loads a classifier or a regressor, and answers what its ``predict`` answers.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; the model says which release wrote it.
        threads: for one call; see :func:`scriptmode.models.threads.threads_of`.
    """

    threads: int | None = None
    _known: PerObject[_Known] = field(
        default_factory=lambda: PerObject(_Known), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "catboost"
    library: ClassVar[Library] = Library("catboost")
    forms: ClassVar[tuple[str, ...]] = ("catboost", "catboost-json")
    output_names: ClassVar[tuple[str, ...]] = OUTPUTS[:-1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threads(self.threads)

    def load(self, model_dir: Path) -> Any:
        """Read the model.

        Returns:
            ``CatBoostClassifier`` where the model has classes, else ``CatBoostRegressor``.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, or one of another release.
        """
        path = self._find(model_dir)
        catboost = require("catboost", extra="catboost")
        form = "json" if look(path).form == "catboost-json" else "cbm"
        if form == "json":
            _refuse_incomplete(path)
        model = self._read(catboost.CatBoostClassifier(), path, form)
        try:
            told, has_classes = dict(model.get_metadata()), len(model.classes_) > 0
        except (catboost.CatBoostError, ValueError) as error:  # text that is damaged
            raise ModelLoadError(f"{path} is not a model that can be read: {error}") from error
        if written := _RELEASE.search(told.get("catboost_version_info", "")):
            self.library.check(written[1], path, self.versions)
        if has_classes:
            return model
        return self._read(catboost.CatBoostRegressor(), path, form)

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the model for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table, ``(rows, features)``; NaN is a missing number. Categories are text or
                whole numbers; those that the model has not seen are allowed, as CatBoost does.

        Returns:
            What ``model.predict`` returns: classes ``(rows,)``, or ``(rows, 1)`` where there are
            more than two; numbers ``(rows,)`` from a regressor.

        Raises:
            InvalidFeaturesError: not a table of numbers and categories, or a category is missing.
        """
        return model.predict(self._known(model).table(data), thread_count=threads_of(self.threads))

    def is_rowwise(self, model: Any) -> bool:
        """Every row walks the trees by itself, and sums its leaves in their order."""
        return True

    def signature(self, model: Any) -> Signature:
        """What the model kept of its features, and its classes."""
        return self._known(model).signature

    def outputs(self, model: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """What the model allows: classes and probabilities of a classifier."""
        found: dict[str, Callable[[Any, Any], Any]] = {
            "value": self.predict,
            "margin": self._ask("predict", prediction_type="RawFormulaVal"),
            "leaf": self._ask("calc_leaf_indexes"),
            "contribs": self._contribs,
        }
        if self.signature(model).classes:
            found["proba"] = self._ask("predict_proba")
            found["label"] = self._label
        return found

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a model in the binary form.

        Returns:
            The file: the declared one, else ``model.cbm``.

        Raises:
            DeclarationError: the declared file would be JSON.
        """
        path = place(model_dir, self.file, _FILE)
        if path.suffix == ".json":
            raise DeclarationError(
                f"{path.name!r} would not keep every digit of the model: declare a file that ends"
                " in .cbm"
            )
        model.save_model(str(path), format="cbm")
        return path

    def _read(self, model: Any, path: Path, form: str) -> Any:
        error_type = require("catboost", extra="catboost").CatBoostError
        try:
            return model.load_model(str(path), format=form)
        except (error_type, ValueError) as error:
            raise ModelLoadError(f"{path} is not a model that can be read: {error}") from error

    def _ask(self, method: str, **options: str) -> Callable[[Any, Any], Any]:
        def answer(model: Any, data: Any) -> Any:
            table = self._known(model).table(data)
            return getattr(model, method)(table, thread_count=threads_of(self.threads), **options)

        return answer

    def _label(self, model: Any, data: Any) -> Any:
        found = self.predict(model, data)
        return found[:, 0] if found.ndim > 1 and found.shape[1] == 1 else found

    def _contribs(self, model: Any, data: Any) -> Any:
        known = self._known(model)
        pool = require("catboost", extra="catboost").Pool(
            known.table(data), cat_features=known.categorical, text_features=known.textual
        )
        threads = threads_of(self.threads)
        return model.get_feature_importance(pool, type="ShapValues", thread_count=threads)


def _refuse_incomplete(path: Path) -> None:
    """Refuse JSON that CatBoost would take with parts missing, and answer otherwise.

    Raises:
        ModelLoadError: a part is missing; says which.
    """
    try:
        document: Any = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelLoadError(f"{path} is not JSON: {error}") from error
    trees = "oblivious_trees" if "oblivious_trees" in document else "trees"
    for part in ("features_info", trees, "scale_and_bias"):
        if not document.get(part):
            raise ModelLoadError(f"{path} is incomplete: it has no {part!r}")
    for number, tree in enumerate(document.get("oblivious_trees") or ()):
        leaves = len(tree.get("leaf_values") or ()) / 2 ** len(tree.get("splits") or ())
        if leaves < 1 or leaves % 1:
            raise ModelLoadError(f"{path} is incomplete: tree {number} lacks leaves")


class _Known:
    """What never changes about a loaded model."""

    def __init__(self, model: Any) -> None:
        names = list(model.feature_names_)
        self.categorical: list[int] = list(model.get_cat_feature_indices())
        self.textual: list[int] = list(model.get_text_feature_indices())
        classes: Any = model.classes_
        self.signature = Signature(
            names=None if names == list(map(str, range(len(names)))) else tuple(names),
            width=len(names),
            types=tuple(self._type(place) for place in range(len(names))),
            objective=_objective(model),
            classes=tuple(_plain(each) for each in classes) or None,
        )

    def table(self, data: Any) -> Any:
        """The table as the model takes it."""
        if self.signature.names is None:
            refuse_names(data)
        if not self.categorical and not self.textual:
            return data.tocsr() if hasattr(data, "tocsr") else as_matrix(data)
        return self._mixed(data)

    def _mixed(self, data: Any) -> Any:
        """Text and whole numbers where the model has categories, numbers elsewhere."""
        import pandas as pd

        frame = data.copy() if hasattr(data, "iloc") else pd.DataFrame(as_matrix(data))
        for index in range(frame.shape[1]):
            column = frame.iloc[:, index]
            if index in self.categorical or index in self.textual:
                frame.isetitem(index, [_category(*each, column.name) for each in _cells(column)])
            else:
                frame.isetitem(index, as_matrix(column.to_frame())[:, 0])
        return frame

    def _type(self, place: int) -> str:
        if place in self.categorical:
            return "categorical"
        return "text" if place in self.textual else "float"


def _cells(column: Any) -> enumerate[Any]:
    return enumerate(column.tolist(), 1)


def _category(row: int, cell: Any, name: Any) -> str:
    """One cell as the word that CatBoost makes of it.

    Raises:
        InvalidFeaturesError: it is missing, or neither text nor a whole number.
    """
    if isinstance(cell, str):
        return cell
    is_missing = cell is None or cell != cell  # noqa: PLR0124 - only NaN differs from itself
    if not is_missing and isinstance(cell, (int, float)) and cell % 1 == 0:
        return str(int(cell))
    is_named = isinstance(name, str)
    field: str | None = name if is_named else None
    where = f"field {name!r}" if is_named else f"column {name + 1}"
    problem = "is missing" if is_missing else f"{str(cell)[:40]!r} is neither text nor whole"
    raise InvalidFeaturesError(f"row {row}, {where}: the category {problem}", row=row, field=field)


def _objective(model: Any) -> str | None:
    try:
        found: str | None = model.get_all_params().get("loss_function")
    except require("catboost", extra="catboost").CatBoostError:  # not fitted, or damaged
        return None
    return found


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
