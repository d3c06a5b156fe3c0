from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING

import pytest

from scriptmode import errors
from scriptmode.errors import (
    BodyTooLargeError,
    DeclarationError,
    DuplicateNameError,
    InvalidFeaturesError,
    LayoutError,
    MalformedBodyError,
    MissingExtraError,
    ModelError,
    ModelLoadError,
    NotAcceptableError,
    PredictionError,
    RequestError,
    ScriptmodeError,
    TrainingError,
    TransformError,
    UnknownNameError,
    UnsupportedMediaTypeError,
    UntrustedFormatError,
    suggestion,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUEST_ERRORS = [
    (RequestError, 400, "bad_request"),
    (MalformedBodyError, 400, "malformed_body"),
    (NotAcceptableError, 406, "not_acceptable"),
    (BodyTooLargeError, 413, "body_too_large"),
    (UnsupportedMediaTypeError, 415, "unsupported_media_type"),
    (InvalidFeaturesError, 422, "invalid_features"),
]
EVERY_ERROR: list[ScriptmodeError] = [
    ScriptmodeError("something"),
    DeclarationError("a declaration"),
    UnknownNameError("serializer", "cvs", ["json", "csv"]),
    DuplicateNameError("a name"),
    MissingExtraError("a library", name="xgboost"),
    UntrustedFormatError("a format"),
    ModelLoadError("an artefact"),
    TrainingError("a job"),
    TransformError("a batch"),
    ModelError(422, "a body"),
    PredictionError("a prediction"),
    LayoutError("a body", ["[[1, 2]]"]),
    *(
        kind("a request", row=1, line=2, column=3, field="age", supported=["text/csv"])
        for kind, _, _ in REQUEST_ERRORS
    ),
]


def name_of(error: ScriptmodeError) -> str:
    return type(error).__name__


# Hierarchy


@pytest.mark.parametrize(
    ("error", "parents"),
    [
        (DeclarationError, (ScriptmodeError,)),
        (UnknownNameError, (DeclarationError, LookupError)),
        (DuplicateNameError, (DeclarationError, ValueError)),
        (MissingExtraError, (DeclarationError, ImportError)),
        (UntrustedFormatError, (DeclarationError,)),
        (ModelLoadError, (ScriptmodeError,)),
        (RequestError, (ScriptmodeError,)),
        (MalformedBodyError, (RequestError,)),
        (LayoutError, (MalformedBodyError,)),
        (NotAcceptableError, (RequestError,)),
        (BodyTooLargeError, (RequestError,)),
        (UnsupportedMediaTypeError, (RequestError,)),
        (InvalidFeaturesError, (RequestError,)),
        (PredictionError, (ScriptmodeError,)),
    ],
)
def test_an_error_can_be_caught_as_each_of_its_parents(
    error: type[ScriptmodeError], parents: tuple[type[Exception], ...]
) -> None:
    assert all(issubclass(error, parent) for parent in parents)


def test_a_mistake_of_one_side_is_not_caught_as_the_others() -> None:
    sides = [DeclarationError, ModelLoadError, RequestError, PredictionError]
    sides += [TrainingError, ModelError, TransformError]
    for error in EVERY_ERROR[1:]:
        assert sum(isinstance(error, side) for side in sides) == 1


def test_every_error_of_the_package_is_one_of_these() -> None:
    declared = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert declared == {type(error) for error in EVERY_ERROR}
    assert all(issubclass(kind, ScriptmodeError) for kind in declared)


# What a caller sees


@pytest.mark.parametrize(("error", "status", "code"), REQUEST_ERRORS)
def test_statuses_and_codes_of_request_errors(
    error: type[RequestError], status: int, code: str
) -> None:
    assert (error.status, error.code) == (status, code)
    assert error("wrong").to_dict() == {"code": code, "message": "wrong"}


def test_a_failed_prediction_is_the_servers_fault() -> None:
    assert (PredictionError.status, PredictionError.code) == (500, "prediction_failed")


def test_a_caller_is_told_where_and_what_is_supported() -> None:
    error = InvalidFeaturesError(
        "no number", row=3, line=4, column=2, field="age", supported=["text/csv", "text/plain"]
    )
    assert error.to_dict() == {
        "code": "invalid_features",
        "message": "no number",
        "where": {"row": 3, "line": 4, "column": 2, "field": "age"},
        "supported": ["text/csv", "text/plain"],
    }


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (RequestError("wrong", row=1), {"row": 1}),
        (RequestError("wrong", line=7), {"line": 7}),
        (RequestError("wrong", column=2), {"column": 2}),
        (RequestError("wrong", field="age"), {"field": "age"}),
        (RequestError("wrong", field="", line=1), {"line": 1, "field": ""}),
    ],
)
def test_only_known_places_are_named(error: RequestError, where: dict[str, int | str]) -> None:
    assert error.where == where
    assert error.to_dict() == {"code": "bad_request", "message": "wrong", "where": where}


@pytest.mark.parametrize(("kind", "status", "code"), REQUEST_ERRORS)
def test_what_a_caller_sees_is_json(kind: type[RequestError], status: int, code: str) -> None:
    error = kind('a "quote"\n', row=1, field="naïve", supported=("text/csv",))
    assert json.loads(json.dumps(error.to_dict())) == error.to_dict()


# Copies


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EVERY_ERROR, ids=name_of)
def test_every_error_survives_pickling(error: ScriptmodeError, protocol: int) -> None:
    received = pickle.loads(pickle.dumps(error, protocol))
    assert type(received) is type(error)
    assert str(received) == str(error)
    assert vars(received) == vars(error)


@pytest.mark.parametrize("kind", [kind for kind, _, _ in REQUEST_ERRORS])
def test_a_pickled_request_error_tells_a_caller_the_same(kind: type[RequestError]) -> None:
    error = kind("wrong", row=2, field="age", supported=["text/csv"])
    assert pickle.loads(pickle.dumps(error)).to_dict() == error.to_dict()


def test_a_pickled_missing_extra_still_names_the_library() -> None:
    error = MissingExtraError("not installed", name="xgboost")
    assert pickle.loads(pickle.dumps(error)).name == "xgboost"


@pytest.mark.parametrize("error", EVERY_ERROR, ids=name_of)
def test_every_error_can_be_copied(error: ScriptmodeError) -> None:
    duplicate = copy.copy(error)
    assert (type(duplicate), str(duplicate)) == (type(error), str(error))


# Unknown names


def test_an_unknown_name_suggests_the_nearest() -> None:
    error = UnknownNameError("serializer", "jsonl", ["jsonlines", "csv"])
    assert str(error) == "no serializer named 'jsonl'; did you mean 'jsonlines'?"


def test_an_unknown_name_far_from_all_lists_all_in_order() -> None:
    error = UnknownNameError("loader", "tensorflow", iter(["xgboost", "pickle"]))
    assert str(error) == "no loader named 'tensorflow'; known: 'pickle', 'xgboost'"


def test_an_unknown_name_keeps_what_was_asked_and_known() -> None:
    error = UnknownNameError("loader", "xgb", iter(["xgboost", "pickle"]))
    assert (error.kind, error.name, error.known) == ("loader", "xgb", ["pickle", "xgboost"])


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("headr", ["text", "header"], "; did you mean 'header'?"),
        ("heder", iter(["header", "reader"]), "; did you mean 'header'?"),
        ("zzz", ["text", "header"], "; known: 'text', 'header'"),
        ("zzz", iter(["text", "header"]), "; known: 'text', 'header'"),
        ("", ["text"], "; known: 'text'"),
        ("text", [], "; none are known"),
        ("text", iter(()), "; none are known"),
    ],
    ids=["near", "nearest of two", "far", "far, iterator", "empty", "none", "none, iterator"],
)
def test_suggestion(name: str, known: Iterable[str], expected: str) -> None:
    assert suggestion(name, known) == expected
