"""LightGBM: boosters in its own text format."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import ModelLoadError
from scriptmode.models.arrays import as_matrix, refuse_names
from scriptmode.models.artifacts import place
from scriptmode.models.base import OUTPUTS, Signature
from scriptmode.models.categories import encode
from scriptmode.models.forks import make_forks_safe
from scriptmode.models.stored import Stored
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_FILE = "model.txt"
_CATEGORICAL = re.compile(r"-?\d+(:-?\d+)*")
_SIZES = re.compile(r"^tree_sizes=([\d ]*)$", re.MULTILINE)
_BINARY, _MULTI = ("binary",), ("multiclass", "multiclassova")
_HALF = 0.5


@dataclass(frozen=True)
class LightGBM(Stored):
    """Loads a booster, and answers what ``Booster.predict`` answers, bit for bit.

    A file saved from ``LGBMClassifier.booster_`` is a booster too: its answers are probabilities.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: likewise.
        threads: for one call; see :func:`scriptmode.models.threads.threads_of`.
    """

    threads: int | None = None
    _known: PerObject[_Known] = field(
        default_factory=lambda: PerObject(_Known), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "lightgbm"
    library: ClassVar[Library] = Library("lightgbm")
    forms: ClassVar[tuple[str, ...]] = ("lightgbm",)
    output_names: ClassVar[tuple[str, ...]] = OUTPUTS[:-1]

    @property
    def fork_safe(self) -> bool:
        """With one thread: in a forked process those of OpenMP are gone, and waited for."""
        return threads_of(self.threads) == 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threads(self.threads)

    def load(self, model_dir: Path) -> Any:
        """Read the booster.

        Returns:
            ``lightgbm.Booster``.

        Raises:
            ModelLoadError: none or several candidates, or a damaged one.
        """
        path = self._find(model_dir)
        lightgbm = require("lightgbm", extra="lightgbm")
        make_forks_safe()
        try:
            text = path.read_bytes().decode()
            _refuse_damaged(text)
            return lightgbm.Booster(model_str=text)
        except (ValueError, lightgbm.basic.LightGBMError) as error:
            raise ModelLoadError(f"{path} is not a model that can be read: {error}") from error

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the booster for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table, ``(rows, features)``; NaN is a missing cell. Categories are what they
                were in the data frame that it was trained on.

        Returns:
            float64 ``(rows,)``, or ``(rows, classes)``.

        Raises:
            InvalidFeaturesError: not a table of numbers and known categories.
        """
        matrix = self._known(model).matrix(data)
        return model.predict(matrix, num_threads=threads_of(self.threads))

    def is_rowwise(self, model: Any) -> bool:
        """Every row walks the trees by itself, and sums its leaves in their order."""
        return True

    def signature(self, model: Any) -> Signature:
        """What the booster kept of its features, categories and objective."""
        return self._known(model).signature

    def outputs(self, model: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """What the objective allows.

        Classes and probabilities are those of ``LGBMClassifier``, classes as numbers from 0.
        """
        known = self._known(model)
        found: dict[str, Callable[[Any, Any], Any]] = {
            "value": self.predict,
            "margin": self._ask(known, raw_score=True),
            "leaf": self._ask(known, pred_leaf=True),
            "contribs": self._contribs,
        }
        if known.signature.classes is not None:
            found["proba"] = self._proba
            found["label"] = self._label
        return found

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a booster, or that of a scikit-learn wrapper, as text.

        Returns:
            The file: the declared one, else ``model.txt``.
        """
        path = place(model_dir, self.file, _FILE)
        getattr(model, "booster_", model).save_model(str(path))
        return path

    def _ask(self, known: _Known, **options: bool) -> Callable[[Any, Any], Any]:
        def answer(model: Any, data: Any) -> Any:
            threads = threads_of(self.threads)
            return model.predict(known.matrix(data), num_threads=threads, **options)

        return answer

    def _contribs(self, model: Any, data: Any) -> Any:
        known = self._known(model)
        matrix = known.matrix(data)
        dense = matrix.toarray() if hasattr(matrix, "tocsr") else matrix
        flat = model.predict(dense, pred_contrib=True, num_threads=threads_of(self.threads))
        width = known.signature.width or 0
        return flat if flat.shape[1] == width + 1 else flat.reshape(len(flat), -1, width + 1)

    def _proba(self, model: Any, data: Any) -> Any:
        import numpy as np

        value = self.predict(model, data)
        return value if value.ndim > 1 else np.vstack((1.0 - value, value)).transpose()

    def _label(self, model: Any, data: Any) -> Any:
        value = self.predict(model, data)
        return value.argmax(axis=1) if value.ndim > 1 else (value > _HALF).astype("int64")


class _Known:
    """What never changes about a loaded booster."""

    def __init__(self, model: Any) -> None:
        header = _header(model)
        names = model.feature_name()
        objective = header.get("objective", "").partition(" ")[0] or None
        self.signature = Signature(
            names=None if names == [f"Column_{n}" for n in range(len(names))] else tuple(names),
            width=model.num_feature(),
            categories=_categories(model, header.get("feature_infos", "").split(" ")),
            objective=objective,
            classes=_classes(objective, model.num_model_per_iteration()),
        )

    def matrix(self, data: Any) -> Any:
        """The table as numbers; a sparse one stays sparse, and what is absent is zero."""
        if self.signature.names is None:
            refuse_names(data)
        if self.signature.categories is not None:
            return encode(data, self.signature.categories)
        return data.tocsr() if hasattr(data, "tocsr") else as_matrix(data)


def _header(model: Any) -> dict[str, str]:
    """The lines before the first tree, by name."""
    header = model.model_to_string(num_iteration=1).partition("\n\n")[0]
    pairs = (line.partition("=") for line in header.splitlines())
    return {name: value for name, _, value in pairs}


def _classes(objective: str | None, models: int) -> tuple[int, ...] | None:
    if objective in _MULTI:
        return tuple(range(models))
    return (0, 1) if objective in _BINARY else None


def _categories(model: Any, infos: list[str]) -> tuple[tuple[Any, ...] | None, ...] | None:
    """The categories of each feature that was one of pandas.

    Raises:
        ModelLoadError: those that it kept cannot be told apart.
    """
    kept = list(model.pandas_categorical or ())
    if not kept:
        return None
    places = _declared_categorical(model)
    codes = {n: _codes_of(info) for n, info in enumerate(infos) if _CATEGORICAL.fullmatch(info)}
    fits = len(places) == len(kept) and codes.keys() <= set(places)
    pairs = zip(places, kept, strict=True) if fits else ()
    if not fits or any(max(codes.get(place, [0])) >= len(values) for place, values in pairs):
        raise ModelLoadError(
            f"{len(kept)} features were categories of pandas, {len(places)} were declared to have"
            " some, and these cannot be told apart: train on categories of pandas alone, unordered"
        )
    known = {place: tuple(values) for place, values in zip(places, kept, strict=True)}
    return tuple(known.get(index) for index in range(len(infos)))


def _codes_of(info: str) -> list[int]:
    return [int(code) for code in info.split(":")]


def _declared_categorical(model: Any) -> list[int]:
    found = re.search(r"^\[categorical_feature: ([\d,]*)\]$", model.model_to_string(), re.MULTILINE)
    return [int(place) for place in found[1].split(",") if place] if found else []


def _refuse_damaged(text: str) -> None:
    """Refuse text that would end the process: LightGBM does not look before it jumps.

    Raises:
        ValueError: trees do not start where the header says.
    """
    sizes = _SIZES.search(text)
    if "\r\n" in text:
        raise ValueError("its lines end as on Windows; copy the file in binary mode")
    if sizes is None:
        raise ValueError("it does not say how large its trees are")
    start = text.find("Tree=0")
    for number, size in enumerate(map(int, sizes[1].split())):
        if not text.startswith(f"Tree={number}\n", start):
            raise ValueError(f"tree {number} does not start where it should")
        start += size
    if sizes[1] and not text.startswith("end of trees", start):
        raise ValueError("the trees do not end where they should")
    if "\nend of parameters\n" not in text[start:]:
        raise ValueError("it ends before its parameters do")
    json.loads(text.rpartition("\npandas_categorical:")[2] if "\npandas_cat" in text else "null")
