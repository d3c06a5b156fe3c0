"""XGBoost: boosters in any of its own formats, and its scikit-learn wrappers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.arrays import refuse_bad_cell
from scriptmode.models.base import OUTPUTS, Signature, find_artifact, place
from scriptmode.models.booster import BoosterFacts, as_booster, written_by
from scriptmode.models.booster_outputs import Ask, booster_outputs
from scriptmode.models.pickles import SUFFIXES, UNSAFE, load_pickle
from scriptmode.models.selectable import KEYS
from scriptmode.models.trust import check_trusted
from scriptmode.models.versions import Library, VersionPolicy, check_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptmode.models.trust import Trusted

_FILE = "xgboost-model"  # the name under which SageMaker's own algorithm saves
_NATIVE = {".ubj", ".xgb", ".bst", ".model"}
_DOUBLE = 8  # bytes
_LARGEST_SQUARE = 1e76  # below that of the largest float32
_PICKLE = b"\x80"  # the protocol opcode that begins every pickle since protocol 2


@dataclass(frozen=True)
class XGBoost:
    """Loads a booster, and answers what ``Booster.predict`` answers, bit for bit.

    A file saved by a scikit-learn wrapper's ``save_model`` is a booster too: a classifier's
    answers are then probabilities. An unpickled wrapper answers as the wrapper does, labels.

    Args:
        file: the artefact's name in the model folder. When absent, the only file named
            ``xgboost-model`` or ``model.json`` or that ends in ``.ubj``, ``.xgb``, ``.bst``,
            ``.model`` (or, when trusted, ``.pkl``, ``.pickle``, ``.joblib``).
        trusted: ``pickle`` and/or ``joblib``; see :mod:`scriptmode.models.trust`.
        versions: what becomes of a file that another release wrote, which this one cannot be
            relied on to read; see :mod:`scriptmode.models.versions`.
    """

    file: str | None = None
    trusted: Trusted = ()
    versions: VersionPolicy = "error"
    _known: PerObject[_Known] = field(
        default_factory=lambda: PerObject(_Known), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "xgboost"
    library: ClassVar[Library] = Library("xgboost")
    output_names: ClassVar[tuple[str, ...]] = (*OUTPUTS[:-1], *KEYS)

    def __post_init__(self) -> None:
        check_trusted(self.trusted, UNSAFE)
        check_policy(self.versions)

    def load(self, model_dir: Path) -> Any:
        """Read the model.

        Returns:
            ``xgboost.Booster``; or, from a pickle, whichever model of xgboost was pickled.

        Raises:
            ModelLoadError: none or several candidates, a damaged file, a foreign object, a
                file of another release, or a scikit-learn wrapper with categorical features.
            UntrustedFormatError: a pickle that is not trusted by name.
        """
        path = self.locate(model_dir)[0]
        with path.open("rb") as stream:
            is_pickle = stream.read(1) == _PICKLE or path.suffix in SUFFIXES
        raw = path.read_bytes()
        if not raw or (raw[:1] == b"{" and raw.rstrip()[-1:] != b"}"):
            raise ModelLoadError(f"{path} ends too early")
        if written := written_by(raw):
            self.library.check(written, path, self.versions)
        return self._unpickle(path) if is_pickle else _read(path, raw)

    def locate(self, model_dir: Path) -> list[Path]:
        """The one file that ``load`` would read.

        Raises:
            ModelLoadError: none or several candidates.
        """
        return [find_artifact(Path(model_dir), self.file, _recognise)]

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

    def _unpickle(self, path: Path) -> Any:
        xgboost = require("xgboost", extra="xgboost")
        model = load_pickle(path, self.trusted)
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
    if matrix.dtype.itemsize == _DOUBLE:
        flat = cells.ravel()
        if np.vdot(flat, flat) < _LARGEST_SQUARE:  # quicker than a look at each cell
            return
    with np.errstate(over="ignore"):
        suspect = np.isinf(cells.astype(np.float32)).any()
    if suspect and is_sparse:
        raise InvalidFeaturesError("a cell is beyond float32: the model cannot take it")
    if suspect:
        refuse_bad_cell(matrix, may_be_missing=True)


def _recognise(path: Path) -> bool:
    named = path.name == _FILE or path.name in ("model.json", f"{_FILE}.json")
    return named or path.suffix in _NATIVE or path.suffix in SUFFIXES


def _read(path: Path, raw: bytes) -> Any:
    """A native file; xgboost itself tells UBJSON, JSON and its old binary format apart."""
    xgboost = require("xgboost", extra="xgboost")
    try:
        return xgboost.Booster(model_file=bytearray(raw))
    except xgboost.core.XGBoostError as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        raise ModelLoadError(
            f"{path} is not a model that xgboost {xgboost.__version__} can read: {reason}"
        ) from error
