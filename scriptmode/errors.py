"""Every exception that leaves this package.

::

    ScriptmodeError
      DeclarationError              the script is wrong; raised while it is imported
        UnknownNameError            (LookupError) with the nearest known names
        DuplicateNameError          (ValueError)
        MissingExtraError           (ImportError) with the line that installs it
        UntrustedFormatError        a format that can run code was not trusted by name
      ModelLoadError                the artefact is wrong; names the folder and what was there
      TrainingError                 a training job failed, or its data cannot be learnt from
      TransformError                records of a batch were refused, failed or lost
      RequestError                  the caller is wrong; carries an HTTP status and where
        MalformedBodyError    400
          LayoutError               JSON, but not laid out as a table; shows what would be
        NotAcceptableError    406
        BodyTooLargeError     413
        UnsupportedMediaTypeError  415
        InvalidFeaturesError  422
      PredictionError         500   the model or a hook failed
      ModelError                    an endpoint that was asked refused or failed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_LONGEST_MESSAGE, _LONGEST_NAME = 1000, 100  # what errors repeat, callers have chosen


class ScriptmodeError(Exception):
    """The root: catch this to catch everything of ours."""


class DeclarationError(ScriptmodeError):
    """A declaration cannot be served; raised while the script is imported."""


class UnknownNameError(DeclarationError, LookupError):
    """A name nobody declared."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(f"no {kind} named {name!r}{suggestion(name, known)}")
        self.kind, self.name, self.known = kind, name, known

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        return type(self), (self.kind, self.name, self.known)


class DuplicateNameError(DeclarationError, ValueError):
    """A name declared twice, by two different things."""


class MissingExtraError(DeclarationError, ImportError):
    """An optional library is not installed; the message holds the line that installs it."""


class UntrustedFormatError(DeclarationError):
    """A format that can execute code was met without being trusted by name."""


class ModelLoadError(ScriptmodeError):
    """The artefact is missing, ambiguous, damaged or of a kind the loader cannot read."""


class TrainingError(ScriptmodeError):
    """A training job failed, its data cannot be read, or what it saved cannot be served."""


class TransformError(ScriptmodeError):
    """Some records of a batch were refused, failed, or not answered one by one."""


class RequestError(ScriptmodeError):
    """The caller sent something that cannot be answered.

    Args:
        message: what is wrong and what would be accepted, for the caller's eyes.
        row: the record's number, counted from 1.
        line: the line of the body, counted from 1.
        column: the cell's number within its row, counted from 1.
        field: the cell's name.
        supported: what would have been accepted instead.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(  # noqa: PLR0913 - the five places a mistake can have
        self,
        message: str,
        *,
        row: int | None = None,
        line: int | None = None,
        column: int | None = None,
        field: str | None = None,
        supported: Sequence[str] = (),
    ) -> None:
        super().__init__(_short(message, _LONGEST_MESSAGE))
        self.where: dict[str, int | str] = {
            name: _short(place, _LONGEST_NAME) if isinstance(place, str) else place
            for name, place in (("row", row), ("line", line), ("column", column), ("field", field))
            if place is not None
        }
        self.supported = tuple(supported)

    def to_dict(self) -> dict[str, object]:
        """The error as a caller sees it, ready for JSON."""
        report: dict[str, object] = {"code": self.code, "message": str(self)}
        if self.where:
            report["where"] = self.where
        if self.supported:
            report["supported"] = list(self.supported)
        return report


class MalformedBodyError(RequestError):
    """The body is not what its content type says."""

    code = "malformed_body"


class LayoutError(MalformedBodyError):
    """A JSON body that is no table of a known layout.

    Args:
        problem: what is wrong.
        examples: bodies that would be accepted, as JSON.
    """

    def __init__(self, problem: str, examples: Sequence[str] = ()) -> None:
        more = f"; expected {'one of ' * (len(examples) > 1)}{' or '.join(examples)}"
        super().__init__(problem + more if examples else problem)
        self.problem, self.examples = problem, tuple(examples)

    def __reduce__(self) -> tuple[type[LayoutError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.problem, self.examples)

    def to_dict(self) -> dict[str, object]:
        """As any error, with the examples apart."""
        report = super().to_dict()
        return {**report, "examples": list(self.examples)} if self.examples else report


class NotAcceptableError(RequestError):
    """Nothing that Accept allows can be written."""

    status = 406
    code = "not_acceptable"


class BodyTooLargeError(RequestError):
    """The body is larger than the limit, as sent or once decompressed."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaTypeError(RequestError):
    """No declared serializer reads this content type."""

    status = 415
    code = "unsupported_media_type"


class InvalidFeaturesError(RequestError):
    """The body was read, but its values are not the model's features."""

    status = 422
    code = "invalid_features"


class PredictionError(ScriptmodeError):
    """The model, or code around it, failed on input that was acceptable."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "prediction_failed"


class ModelError(ScriptmodeError):
    """An endpoint refused or failed; boto3's error of that name tells the same.

    Args:
        status: of the answer.
        message: its body.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the model answered {status}: {message}")
        self.status, self.message = status, message

    def __reduce__(self) -> tuple[type[ModelError], tuple[int, str]]:
        return type(self), (self.status, self.message)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The tail of an error about a misspelt name: the nearest known one, else all of them."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(map(repr, known))}" if known else "; none are known"
