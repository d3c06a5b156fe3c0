"""Files of a channel to examples, whatever format they are in."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, MalformedBodyError, RequestError, TrainingError
from scriptmode.handlers.intake import Intake
from scriptmode.handlers.registries import DEFAULT
from scriptmode.handlers.resolution import Names
from scriptmode.media import parse
from scriptmode.serializers.base import FileDecoder, Labelled
from scriptmode.training.examples import Examples
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scriptmode.serializers.base import Decoder

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonlines",
    ".jsonlines": "jsonlines",
    ".ndjson": "jsonlines",
    ".libsvm": "libsvm",
    ".svm": "libsvm",
    ".svmlight": "libsvm",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "feather",
    ".npy": "npy",
    ".npz": "npz",
    ".rec": "recordio",
    ".recordio": "recordio",
    ".pbr": "recordio",
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "csv": {"header": "auto"},
    "tsv": {"header": "auto"},
    "libsvm": {"labelled": True},
}
_TABLE = 2  # dimensions


def reader_of(
    declared: str | Decoder | None, label: int | str | None
) -> Callable[[Path], Examples]:
    """What reads one file.

    Args:
        declared: a name, a content type, a serializer; None to go by each file's ending.
        label: the column to learn.

    Raises:
        DeclarationError: nothing reads that format.
    """
    if isinstance(label, bool):
        raise DeclarationError(f"label={label!r}: expected a position from 0, or a name")
    if declared is None:
        return lambda path: _read(path, _by_ending(path), {}, label)
    if not isinstance(declared, str) or "/" not in declared:
        return partial(_read, decoder=_decoder(declared), params={}, label=label)
    name = DEFAULT.serializers.canonical(parse(declared).essence)
    decoder, params = Intake([_decoder(name)]).reader(declared)
    known = {key: value for key, value in params.items() if key != "label_size"}
    return partial(_read, decoder=decoder, params=known, label=label)


def joined(parts: Sequence[Examples], files: Sequence[Path]) -> Examples:
    """The examples of all files, one under the other.

    Raises:
        TrainingError: their columns are not the same; names the first file that differs.
    """
    import numpy as np

    features = [each.features for each in parts]
    if not any(each.shape[0] for each in features):
        raise TrainingError(f"{', '.join(map(str, files[:3]))}: no rows to learn from")
    if len(parts) == 1:
        return parts[0]
    kinds = [_kind_of(each) for each in parts]
    for path, kind in zip(files, kinds, strict=True):
        if kind != kinds[0]:
            raise TrainingError(f"{path} has {kind}; {files[0]} has {kinds[0]}")
    labels: list[Any] = [each.label for each in parts if each.label is not None]
    label = np.concatenate(labels) if labels else None
    return Examples(_stacked(features), label, parts[0].label_name)


def _read(
    path: Path, decoder: Decoder, params: dict[str, str], label: int | str | None
) -> Examples:
    try:
        return _decoded(path, decoder, params, label)
    except RequestError as error:
        raise TrainingError(f"{path}: {error}") from error


def _decoded(
    path: Path, decoder: Decoder, params: dict[str, str], label: int | str | None
) -> Examples:
    if isinstance(decoder, FileDecoder) and path.suffix != ".gz":
        with path.open("rb") as file:
            return _labelled(decoder.decode_file(file, params), label)
    body = path.read_bytes()
    if path.suffix == ".gz":
        body = _unpacked(body)
    value = decoder.decode(body, params)
    if isinstance(decoder, Labelled):
        if label is not None:
            raise DeclarationError(f"label={label!r}: {decoder.media_types[0]} has labels itself")
        return Examples(value, _checked(decoder.labels(body, params)))
    return _labelled(value, label)


def _unpacked(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedBodyError(f"it is no whole gzip file: {error}") from None


def _labelled(value: Any, label: int | str | None) -> Examples:
    if isinstance(value, dict) and all(getattr(each, "ndim", 0) == 1 for each in value.values()):
        value = _as_table(value)
    if len(getattr(value, "shape", ())) != _TABLE:
        raise MalformedBodyError("it holds no table")
    return Examples(value, None) if label is None else _split(value, label)


def _decoder(declared: Any) -> Any:
    return Names(DEFAULT, _OPTIONS).serializers([declared], "decode")[0]


def _by_ending(path: Path) -> Any:
    ending = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if ending.lower() not in _ENDINGS:
        raise TrainingError(
            f"{path}: its ending tells no format; name it so, or give format=..., one of"
            f" {', '.join(dict.fromkeys(_ENDINGS.values()))}"
        )
    return _decoder(_ENDINGS[ending.lower()])


def _split(value: Any, label: int | str) -> Examples:
    place = _place(value, label)
    if isinstance(value, Table):
        names = value.names[:place] + value.names[place + 1 :]
        rest = Table(names, _without(value.values, place))
        return Examples(rest, _checked(value.values[:, place]), value.names[place])
    if hasattr(value, "iloc"):
        kept = [each for each in range(value.shape[1]) if each != place]
        column = value.iloc[:, place]
        return Examples(value.iloc[:, kept], _checked(column.to_numpy()), str(column.name))
    if hasattr(value, "tocsc"):
        raise MalformedBodyError("a sparse table has no label column")
    return Examples(_without(value, place), _checked(value[:, place].copy()))


def _place(value: Any, label: int | str) -> int:
    width = value.shape[1]
    if isinstance(label, int):
        if not -width <= label < width:
            raise MalformedBodyError(f"label={label}: its rows have {width} columns")
        return label % int(width)
    names: list[Any] = list(
        value.names if isinstance(value, Table) else getattr(value, "columns", ())
    )
    if label not in names:
        given = ", ".join(map(repr, names[:10])) or "none"
        raise MalformedBodyError(f"there is no column {label!r} to learn; its names are {given}")
    return names.index(label)


def _without(matrix: Any, place: int) -> Any:
    """The other columns; the first and the last are left out without a copy."""
    import numpy as np

    if place == 0:
        return matrix[:, 1:]
    return matrix[:, :-1] if place == matrix.shape[1] - 1 else np.delete(matrix, place, axis=1)


def _checked(label: Any) -> Any:
    import numpy as np

    is_missing: Any = np.zeros(0, bool)
    if label.dtype.kind == "f":
        is_missing = np.isnan(label)
    elif label.dtype.kind not in "iub":
        is_missing = np.array([each is None or each != each for each in label])  # noqa: PLR0124 - NaN
    if is_missing.any():
        row = int(is_missing.argmax()) + 1
        raise MalformedBodyError(f"row {row} has no label", row=row)
    return label


def _kind_of(examples: Examples) -> str:
    """Of what a file is made, for comparison and for messages."""
    label = examples.label
    if label is None:
        return _columns(examples)
    name = f" {examples.label_name!r}" if examples.label_name else ""
    kind = "numbers" if label.dtype.kind in "fiub" else "text"
    return f"{_columns(examples)} and {kind} for the label{name}"


def _columns(examples: Examples) -> str:
    features = examples.features
    if hasattr(features, "dtypes"):
        pairs = zip(features.columns, features.dtypes, strict=True)
        told = (f"{name} ({'numbers' if kind.kind in 'fiub' else 'text'})" for name, kind in pairs)
        return f"the columns {', '.join(told)}"
    if examples.names is not None:
        return f"the columns {', '.join(f'{name} (numbers)' for name in examples.names)}"
    return "sparse rows" if hasattr(features, "tocsr") else f"{features.shape[1]} columns"


def _stacked(features: list[Any]) -> Any:
    import numpy as np

    first = features[0]
    if any(hasattr(each, "iloc") for each in features):
        import pandas as pd

        frames = [each.to_pandas() if isinstance(each, Table) else each for each in features]
        return pd.concat(frames, ignore_index=True)
    if isinstance(first, Table):
        return Table(first.names, np.concatenate([each.values for each in features]))
    if hasattr(first, "tocsr"):
        return _stacked_sparse(features)
    return np.concatenate(features)


def _stacked_sparse(features: list[Any]) -> Any:
    """Rows of libsvm end where their last cell is: the widest file says how many columns."""
    from scipy import sparse

    width = max(each.shape[1] for each in features)
    for each in features:
        each.resize(each.shape[0], width)
    return sparse.vstack(features, format="csr")


def _as_table(columns: dict[str, Any]) -> Table:
    import numpy as np

    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise MalformedBodyError(f"its columns are of unequal lengths: {lengths}")
    return Table(tuple(columns), np.column_stack(list(columns.values())))
