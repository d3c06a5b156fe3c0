"""Records and answers of a batch, as values and as text."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode.errors import DeclarationError, MalformedBodyError
from scriptmode.hosting.records import lines_of
from scriptmode.media import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

Form: TypeAlias = Literal["csv", "json", "other"]
_LINES = ("application/jsonlines", "application/x-jsonlines", "application/jsonl")
_NDJSON = ("application/x-ndjson", "application/ndjson")


def form_of(media_type: str) -> Form:
    """What records of a content type are made of."""
    essence = parse(media_type).essence
    if essence in ("text/csv", "application/csv"):
        return "csv"
    return "json" if essence in ("application/json", *_LINES, *_NDJSON) else "other"


def is_one_document(media_type: str) -> bool:
    """Whether an answer for many records is one JSON document, not a line for each."""
    return parse(media_type).essence in ("application/json", "text/json")


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
    if len(found) != count:
        raise MalformedBodyError(f"{count} records were asked for, and {len(found)} were answered")
    return found
