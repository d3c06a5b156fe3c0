"""What a response looks like, with places for the predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scriptmode.errors import DeclarationError, NotAcceptableError
from scriptmode.serializers.plain import as_records

_WHOLE, _ROW = "$", "$row"


@dataclass(frozen=True)
class Template:
    """A JSON value with places in it.

    ``"$"`` is the whole prediction, ``"$.name"`` one of several named outputs. A list of one
    element that mentions ``"$row"`` is repeated for each row, in which ``"$row"`` is the row's
    prediction and ``"$row.name"`` one of its named outputs.

    Args:
        value: such as ``{"predictions": "$"}`` or ``{"predictions": [{"score": "$row"}]}``.

    Raises:
        DeclarationError: there is no place in it, an unknown one, or ``$row`` outside a list.
    """

    value: Any

    def __post_init__(self) -> None:
        places = set(_places(self.value, repeated=False))
        if not places:
            raise DeclarationError(f"response={self.value!r}: there is no '$' for the prediction")

    def fill(self, prediction: Any) -> Any:
        """The whole response, ready for JSON.

        Raises:
            NotAcceptableError: the prediction has no rows, or no such named output.
        """
        return _fill(self.value, prediction)

    def schema(self) -> dict[str, Any]:
        """What a filled template looks like, as JSON Schema."""
        return _schema(self.value)

    def fill_rows(self, prediction: Any) -> list[Any]:
        """One value a row, for formats of lines: the repeated part, else the bare row.

        Raises:
            NotAcceptableError: the prediction has no rows, or no such named output.
        """
        element = _repeated(self.value)
        rows = as_records(prediction)
        return rows if element is None else [_fill_row(element, row) for row in rows]


def _places(value: Any, *, repeated: bool) -> list[str]:
    if isinstance(value, dict):
        return [place for part in value.values() for place in _places(part, repeated=repeated)]
    if isinstance(value, list):
        repeated = repeated or _is_repeated(value)
        return [place for part in value for place in _places(part, repeated=repeated)]
    if not isinstance(value, str) or not value.startswith(_WHOLE):
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
    is_place = isinstance(value, str) and value.startswith(_WHOLE)
    return {} if is_place else {"const": value}


def _is_repeated(value: list[Any]) -> bool:
    return len(value) == 1 and f'"{_ROW}' in _text(value[0])


def _text(value: Any) -> str:
    import json

    return json.dumps(value)


def _repeated(value: Any) -> Any:
    """The element that is repeated for each row; None where there is none."""
    if isinstance(value, list) and _is_repeated(value):
        return value[0]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := _repeated(part)) is not None), None)


def _fill(value: Any, prediction: Any) -> Any:
    if isinstance(value, dict):
        return {name: _fill(part, prediction) for name, part in value.items()}
    if isinstance(value, list):
        if _is_repeated(value):
            return [_fill_row(value[0], row) for row in as_records(prediction)]
        return [_fill(part, prediction) for part in value]
    if isinstance(value, str) and value.startswith(_WHOLE):
        return _pick(prediction, value)
    return value


def _fill_row(value: Any, row: Any) -> Any:
    if isinstance(value, dict):
        return {name: _fill_row(part, row) for name, part in value.items()}
    if isinstance(value, list):
        return [_fill_row(part, row) for part in value]
    if isinstance(value, str) and value.startswith(_WHOLE):
        return _pick(row, value)
    return value


def _pick(prediction: Any, place: str) -> Any:
    name = place.partition(".")[2]
    if not name:
        return prediction
    try:
        return prediction[name]
    except (KeyError, IndexError, TypeError, ValueError):
        raise NotAcceptableError(f"the prediction has no output named {name!r}") from None
