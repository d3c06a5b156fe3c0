"""XGBoost: boosters in any of its own formats, and its scikit-learn wrappers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.arrays import fits_float32, refuse_bad_cell
from scriptmode.models.artifacts import place
from scriptmode.models.base import OUTPUTS, Signature
from scriptmode.models.booster import BoosterFacts, as_booster, booster_of
from scriptmode.models.booster_outputs import Ask, booster_outputs
from scriptmode.models.booster_release import is_binary, written_by
from scriptmode.models.forks import make_forks_safe
from scriptmode.models.pickles import SUFFIXES, UNSAFE, is_pickle, load_pickle
from scriptmode.models.selectable import KEYS
from scriptmode.models.stored import Trusting
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.versions import LIBRARIES, Library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FILE = "xgboost-model"  # the name under which SageMaker's own algorithm saves
_DOUBLE = 8  # bytes


@dataclass(frozen=True)
class XGBoost(Trusting):
    """Loads a booster, and answers what ``Booster.predict`` answers, bit for bit.

    A file saved by a scikit-learn wrapper's ``save_model`` is a booster too: a classifier's
    answers are then probabilities. An unpickled wrapper answers as the wrapper does, labels.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: what becomes of a file that another release wrote, which this one cannot be
            relied on to read; see :mod:`scriptmode.models.versions`.
        trusted: ``pickle``, ``joblib`` or ``cloudpickle``; see :mod:`scriptmode.models.trust`.
        threads: of a booster; see :func:`scriptmode.models.threads.threads_of`.
    """

    threads: int | None = None
    _known: PerObject[_Known] = field(
        default_factory=lambda: PerObject(_Known), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "xgboost"
    library: ClassVar[Library] = LIBRARIES["xgboost"]
    forms: ClassVar[tuple[str, ...]] = ("xgboost-ubj", "xgboost-json", "xgboost-binary")
    unsafe_forms: ClassVar[tuple[str, ...]] = UNSAFE
    output_names: ClassVar[tuple[str, ...]] = (*OUTPUTS[:-1], *KEYS)

    @property
    def fork_safe(self) -> bool:
        """With one thread: in a forked process those of OpenMP are gone, and waited for."""
        return threads_of(self.threads) == 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threads(self.threads)

    def load(self, model_dir: Path) -> Any:
        """Read the model.

        Returns:
            ``xgboost.Booster``; or, from a pickle, whichever model of xgboost was pickled.

        Raises:
            ModelLoadError: none or several candidates, a damaged file, a foreign object, a
                file of another release, or a scikit-learn wrapper with categorical features.
            UntrustedFormatError: a pickle that is not trusted by name.
        """
        path = self._find(model_dir)
        require("xgboost", extra="xgboost")
        make_forks_safe()
        model = self._unpickle(path) if is_pickle(path) else self._read(path)
        booster_of(model).set_param({"nthread": threads_of(self.threads)})
        return model

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the model for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table of numbers, ``(rows, features)``; NaN is a missing cell. Categories
                may be text where the booster keeps them. Or a ``DMatrix`` that a hand-written
                ``input_fn`` made.

        Returns:
            float32 ``(rows,)`` or ``(rows, outputs)``; the wrapper's dtype from a wrapper.

        Raises:
            InvalidFeaturesError: not a table of numbers, or one that float32 cannot hold.
        """
        known = self._known(model)
        return known.ask["value"](model, known.matrix(data))

    def is_rowwise(self, model: Any) -> bool:
        """Every row is summed by itself, over trees or features in their order."""
        return True

    def signature(self, model: Any) -> Signature:
        """What the booster kept of its features (where it was trained with names), and why."""
        return self._known(model).facts.signature

    def outputs(self, model: Any) -> dict[str, Callable[[Any, Any], Any]]:
        """What the objective allows; see :mod:`scriptmode.models.booster_outputs`."""
        known = self._known(model)

        def on_matrix(ask: Ask) -> Callable[[Any, Any], Any]:
            return lambda model, data: ask(model, known.matrix(data))

        return {name: on_matrix(ask) for name, ask in known.ask.items()}

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a booster or wrapper as UBJSON, or as JSON where the file is declared so.

        Returns:
            The file: the declared one, else ``xgboost-model``, which SageMaker looks for.

        Raises:
            DeclarationError: the declared file would be a pickle; or the model is a wrapper with
                a spelling of missing cells of its own, which a booster does not keep.
        """
        path = place(model_dir, self.file, _FILE)
        if path.suffix in SUFFIXES:
            raise DeclarationError(
                f"{path.name!r} would be a pickle, which is not written: declare a file that ends"
                " in .ubj or .json"
            )
        raw_format = "json" if path.suffix == ".json" else "ubj"
        path.write_bytes(as_booster(model).save_raw(raw_format))
        return path

    def _read(self, path: Path) -> Any:
        raw = path.read_bytes()
        if written := written_by(raw):
            self.library.check(written, path, self.versions)
        return _read(path, raw)

    def _unpickle(self, path: Path) -> Any:
        xgboost = require("xgboost", extra="xgboost")
        model = load_pickle(path, self.trusted, self.versions)
        if not isinstance(model, (xgboost.Booster, xgboost.XGBModel)):
            raise ModelLoadError(f"{path} holds a {type(model).__name__}, not a model of xgboost")
        facts = self._known(model).facts
        if facts.is_wrapper and facts.has_categories:
            raise ModelLoadError(
                f"{path} holds a scikit-learn wrapper with categorical features: save its booster,"
                " which keeps the categories"
            )
        return model


class _Known:
    """A loaded model's facts, and how to ask it."""

    def __init__(self, model: Any) -> None:
        self.facts = BoosterFacts(model)
        self.ask = booster_outputs(self.facts)

    def matrix(self, data: Any) -> Any:
        matrix = self.facts.matrix(data)
        if isinstance(matrix, self.facts.dmatrix):
            return matrix
        _refuse_infinity(matrix)
        return matrix


def _refuse_infinity(matrix: Any) -> None:
    """Xgboost computes in float32; it refuses infinity in a DMatrix, but not in place."""
    import numpy as np

    if matrix.dtype.kind != "f":
        return
    is_sparse = hasattr(matrix, "tocsr")
    cells = matrix.data if is_sparse else matrix
    if matrix.dtype.itemsize == _DOUBLE and fits_float32(cells):
        return
    with np.errstate(over="ignore"):
        suspect = np.isinf(cells.astype(np.float32)).any()
    if suspect and is_sparse:
        raise InvalidFeaturesError("a cell is beyond float32: the model cannot take it")
    if suspect:
        refuse_bad_cell(matrix, may_be_missing=True)


def _read(path: Path, raw: bytes) -> Any:
    """A native file; xgboost itself tells UBJSON, JSON and its old binary format apart."""
    xgboost = require("xgboost", extra="xgboost")
    try:
        return xgboost.Booster(model_file=bytearray(raw))
    except (xgboost.core.XGBoostError, ValueError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        if is_binary(raw):
            reason = "the binary form of releases before 3.1; read and save it there as UBJSON"
        raise ModelLoadError(
            f"{path} is not a model that xgboost {xgboost.__version__} can read: {reason}"
        ) from error
