"""Records and answers of a batch, as values and as text."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode.errors import DeclarationError, MalformedBodyError
from scriptmode.handlers.registries import DEFAULT
from scriptmode.hosting.records import lines_of
from scriptmode.media import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

Form: TypeAlias = Literal["csv", "json", "other"]


def form_of(media_type: str) -> Form:
    """What records of a content type are made of."""
    name = _name(media_type)
    if name == "csv":
        return "csv"
    return "json" if name in ("json", "jsonlines") else "other"


def is_one_document(media_type: str) -> bool:
    """Whether an answer for many records is one JSON document, not a line for each."""
    return _name(media_type) == "json"


def _name(media_type: str) -> str:
    """What the format of a content type is called, behind all its aliases."""
    return DEFAULT.serializers.canonical(parse(media_type).essence)


def read(record: bytes, form: Form) -> Any:
    """A record as a value: the cells of a line as text, or what its JSON says.

    Raises:
        MalformedBodyError: it is not what its form says.
        DeclarationError: nothing reads records of that form.
    """
    if form == "csv":
        rows = list(csv.reader(io.StringIO(record.decode(), newline=""), strict=True))
        return rows[0] if rows else []
    if form == "other":
        raise DeclarationError("filters and joins are for CSV, JSON and JSON Lines")
    try:
        return json.loads(record)
    except ValueError as error:
        raise MalformedBodyError(f"a record is no JSON: {error}") from None


def write(value: Any, form: Form) -> bytes:
    """A value as one record."""
    if form == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    target = io.StringIO()
    cells = value if isinstance(value, list) else [value]
    csv.writer(target, lineterminator="").writerow(
        [json.dumps(cell) if isinstance(cell, (list, dict)) else cell for cell in cells]
    )
    return target.getvalue().encode()


def joined(record: Any, answer: Any, form: Form) -> Any:
    """An input with its answer, as SageMaker puts them together.

    A line of CSV is followed by its answer's cells. An object gets the answer under
    ``SageMakerOutput``; anything else stands under ``SageMakerInput`` beside it.
    """
    if form == "csv":
        return [*record, *(answer if isinstance(answer, list) else [answer])]
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    return {"SageMakerInput": record, "SageMakerOutput": answer}


def answers_of(body: bytes, media_type: str, count: int) -> Sequence[bytes]:
    """The answer to each of some records.

    Args:
        body: what was answered.
        media_type: of it.
        count: how many records were asked for.

    Raises:
        MalformedBodyError: there are not as many answers.
    """
    if count == 1 and is_one_document(media_type):
        return [body.rstrip(b"\n")]
    found = list(lines_of(io.BytesIO(body), is_quoted=form_of(media_type) == "csv"))
    _refuse_other_count(len(found), count)
    return found


def refuse_other_length(body: bytes, count: int) -> None:
    """Refuse one JSON document that is a list of another number of answers.

    Raises:
        MalformedBodyError: it is.
    """
    document = read(body, "json")
    if isinstance(document, list):
        _refuse_other_count(len(document), count)


def _refuse_other_count(found: int, count: int) -> None:
    if found != count:
        raise MalformedBodyError(f"{count} records were asked for, and {found} were answered")
