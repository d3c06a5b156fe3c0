"""What a response looks like, with places for the predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scriptmode.errors import DeclarationError, NotAcceptableError, PredictionError
from scriptmode.serializers.plain import as_records, dump_json

_WHOLE, _ROW, _ESCAPED = "$", "$row", "$$"


@dataclass(frozen=True)
class Template:
    """A JSON value with places in it.

    ``"$"`` is the whole prediction, ``"$.name"`` one of several named outputs. A list of one
    element that mentions ``"$row"`` is repeated for each row, in which ``"$row"`` is the row's
    prediction and ``"$row.name"`` one of its named outputs. Text that begins with a dollar sign
    is written with two.

    Args:
        value: such as ``{"predictions": "$"}`` or ``{"predictions": [{"score": "$row"}]}``.

    Raises:
        DeclarationError: there is no place in it, an unknown one, or ``$row`` outside a list.
    """

    value: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _listed(self.value))
        if not _places(self.value, repeated=False):
            raise DeclarationError(f"response={self.value!r}: there is no '$' for the prediction")
        try:
            dump_json(self.value)
        except NotAcceptableError as error:
            raise DeclarationError(f"response: {error}") from error

    @property
    def names(self) -> set[str]:
        """The named outputs that it asks for."""
        places = _places(self.value, repeated=False)
        return {place.partition(".")[2] for place in places if "." in place}

    @property
    def repeated(self) -> int:
        """How many parts are repeated for each row."""
        return len(_repeated(self.value))

    def fill(self, prediction: Any) -> Any:
        """The whole response, ready for JSON.

        Raises:
            NotAcceptableError: the prediction has no rows.
        PredictionError: it has no such named output.
        """
        return _fill(self.value, prediction)

    def schema(self) -> dict[str, Any]:
        """What a filled template looks like, as JSON Schema."""
        return _schema(self.value)

    def fill_rows(self, prediction: Any) -> list[Any]:
        """One value a row, for formats of lines: the repeated part, else the bare row.

        Raises:
            NotAcceptableError: the prediction has no rows.
        PredictionError: it has no such named output.
        """
        elements = _repeated(self.value)
        rows = as_records(prediction)
        return [_fill_row(elements[0], row) for row in rows] if elements else rows


def _listed(value: Any) -> Any:
    """The same value, with lists for tuples."""
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, (list, tuple)) else value


def _places(value: Any, *, repeated: bool) -> list[str]:
    if isinstance(value, dict):
        return [place for part in value.values() for place in _places(part, repeated=repeated)]
    if isinstance(value, list):
        repeated = repeated or _is_repeated(value)
        return [place for part in value for place in _places(part, repeated=repeated)]
    if not _is_place(value):
        return []
    root, _, name = value.partition(".")
    is_row = root == _ROW
    if root not in (_WHOLE, _ROW) or (not name and "." in value) or is_row != repeated:
        raise DeclarationError(
            f"response: {value!r} is no place; '$' and '$.name' are the whole prediction, '$row'"
            " and '$row.name' stand in a list of one element"
        )
    return [value]


def _schema(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        parts = {name: _schema(part) for name, part in value.items()}
        return {"type": "object", "properties": parts, "required": list(parts)}
    if isinstance(value, list):
        if _is_repeated(value):
            return {"type": "array", "items": _schema(value[0])}
        return {"type": "array", "prefixItems": [_schema(part) for part in value]}
    return {} if _is_place(value) else {"const": _constant(value)}


def _is_repeated(value: list[Any]) -> bool:
    return len(value) == 1 and _mentions_row(value[0])


def _mentions_row(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(_mentions_row, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and value.partition(".")[0] == _ROW


def _repeated(value: Any) -> list[Any]:
    """The elements that are repeated for each row."""
    if isinstance(value, list) and _is_repeated(value):
        return [value[0]]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for part in parts for found in _repeated(part)]


def _fill(value: Any, prediction: Any) -> Any:
    if isinstance(value, dict):
        return {name: _fill(part, prediction) for name, part in value.items()}
    if isinstance(value, list):
        if _is_repeated(value):
            return [_fill_row(value[0], row) for row in as_records(prediction)]
        return [_fill(part, prediction) for part in value]
    return _pick(prediction, value) if _is_place(value) else _constant(value)


def _fill_row(value: Any, row: Any) -> Any:
    if isinstance(value, dict):
        return {name: _fill_row(part, row) for name, part in value.items()}
    if isinstance(value, list):
        return [_fill_row(part, row) for part in value]
    return _pick(row, value) if _is_place(value) else _constant(value)


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_WHOLE) and not value.startswith(_ESCAPED)


def _constant(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and value.startswith(_ESCAPED) else value


def _pick(prediction: Any, place: str) -> Any:
    name = place.partition(".")[2]
    if not name:
        return prediction
    try:
        return prediction[name]
    except (KeyError, IndexError, TypeError, ValueError):
        problem = f"response: the prediction has no output named {name!r}"
        raise PredictionError(problem) from None
