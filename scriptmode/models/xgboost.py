"""XGBoost: boosters in any of its own formats, and its scikit-learn wrappers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import ModelLoadError
from scriptmode.models.arrays import as_frame, as_matrix, refuse_bad_cell
from scriptmode.models.base import Signature, find_artifact
from scriptmode.models.pickles import SUFFIXES, UNSAFE, load_pickle
from scriptmode.models.trust import check_trusted

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """

    file: str | None = None
    trusted: Trusted = ()
    _facts: PerObject[_Facts] = field(
        default_factory=lambda: PerObject(_Facts), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "xgboost"

    def __post_init__(self) -> None:
        check_trusted(self.trusted, UNSAFE)

    def load(self, model_dir: Path) -> Any:
        """Read the model.

        Returns:
            ``xgboost.Booster``; or, from a pickle, whichever model of xgboost was pickled.

        Raises:
            ModelLoadError: none or several candidates, a damaged file, a foreign object, or
                categorical features, whose categories a request cannot be checked against.
            UntrustedFormatError: a pickle that is not trusted by name.
        """
        path = find_artifact(Path(model_dir), self.file, _recognise)
        with path.open("rb") as stream:
            is_pickle = stream.read(1) == _PICKLE or path.suffix in SUFFIXES
        model = self._unpickle(path) if is_pickle else _read(path)
        if "c" in (_booster(model).feature_types or ()):
            raise ModelLoadError(
                f"{path} has categorical features: a request's categories cannot be checked"
                " against it; encode them before training"
            )
        return model

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the model for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table of numbers, ``(rows, features)``; NaN is a missing cell. Or a
                ``DMatrix`` that a hand-written ``input_fn`` made.

        Returns:
            float32 ``(rows,)`` or ``(rows, outputs)``; the wrapper's dtype from a wrapper.

        Raises:
            InvalidFeaturesError: not a table of numbers, or one that float32 cannot hold.
        """
        facts = self._facts(model)
        if isinstance(data, facts.dmatrix):
            return _booster(model).predict(data)  # of a hand-written input_fn
        matrix = as_matrix(data)
        _refuse_infinity(matrix)
        if facts.is_wrapper:
            names = facts.signature.names
            return model.predict(matrix if names is None else as_frame(matrix, names))
        if facts.in_place:
            return model.inplace_predict(matrix, validate_features=False)
        return model.predict(facts.dmatrix(matrix), validate_features=False)

    def signature(self, model: Any) -> Signature:
        """The booster's feature names, where it was trained with names, and their count."""
        return self._facts(model).signature

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a booster or wrapper as UBJSON under the name that SageMaker looks for.

        Returns:
            The file, ``xgboost-model``.
        """
        path = Path(model_dir) / _FILE
        path.write_bytes(_booster(model).save_raw("ubj"))
        return path

    def _unpickle(self, path: Path) -> Any:
        xgboost = require("xgboost", extra="xgboost")
        model = load_pickle(path, self.trusted)
        if isinstance(model, (xgboost.Booster, xgboost.XGBModel)):
            return model
        raise ModelLoadError(f"{path} holds a {type(model).__name__}, not a model of xgboost")


class _Facts:
    """What never changes about a loaded model, read once."""

    def __init__(self, model: Any) -> None:
        xgboost = require("xgboost", extra="xgboost")
        booster = _booster(model)
        names = booster.feature_names
        self.dmatrix = xgboost.DMatrix
        self.is_wrapper = not isinstance(model, xgboost.Booster)
        self.signature = Signature(tuple(names) if names else None, booster.num_features())
        self.in_place = '"gblinear"' not in booster.save_config()


def _refuse_infinity(matrix: NDArray[Any]) -> None:
    """Xgboost computes in float32; it refuses infinity in a DMatrix, but not in place."""
    import numpy as np

    if matrix.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        if matrix.dtype.itemsize == _DOUBLE:
            flat = matrix.ravel()
            if np.vdot(flat, flat) < _LARGEST_SQUARE:  # quicker than a look at each cell
                return
        suspect = np.isinf(matrix.astype(np.float32)).any()
    if suspect:
        refuse_bad_cell(matrix, may_be_missing=True)


def _booster(model: Any) -> Any:
    return model.get_booster() if hasattr(model, "get_booster") else model


def _recognise(path: Path) -> bool:
    named = path.name == _FILE or path.name in ("model.json", f"{_FILE}.json")
    return named or path.suffix in _NATIVE or path.suffix in SUFFIXES


def _read(path: Path) -> Any:
    """A native file; xgboost itself tells UBJSON, JSON and its old binary format apart."""
    xgboost = require("xgboost", extra="xgboost")
    try:
        return xgboost.Booster(model_file=bytearray(path.read_bytes()))
    except xgboost.core.XGBoostError as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        raise ModelLoadError(
            f"{path} is not a model that xgboost {xgboost.__version__} can read: {reason}"
        ) from error
