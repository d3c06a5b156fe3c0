"""Batch Transform on one machine: files in, answers out, as many of them as there were records.

Contract: "Batch Transform" and ``CreateTransformJob``, Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, TypeAlias

from scriptmode.errors import DeclarationError, RequestError, TransformError
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import Request
from scriptmode.hosting.joining import (
    answers_of,
    form_of,
    is_one_document,
    joined,
    read,
    refuse_other_length,
    write,
)
from scriptmode.hosting.json_path import JSONPath
from scriptmode.hosting.records import frames_of, groups_of, lines_of
from scriptmode.media import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from scriptmode.handlers.endpoint import Endpoint
    from scriptmode.handlers.response import Response

SplitType: TypeAlias = Literal["None", "Line", "RecordIO"]
Strategy: TypeAlias = Literal["MultiRecord", "SingleRecord"]
_CHOICES = {
    "split_type": ("None", "Line", "RecordIO"),
    "strategy": ("MultiRecord", "SingleRecord"),
    "assemble_with": ("None", "Line"),
    "join_source": ("None", "Input"),
}
_MEGABYTE = 2**20


class Answered(NamedTuple):
    """Some records and what is to be written for them.

    Args:
        records: how many.
        read: bytes of the input that they were.
        written: what is to be written.
    """

    records: int
    read: int
    written: bytes


@dataclass(frozen=True)
class Batch:
    """What a transform job says.

    Args:
        content_type: of each request.
        accept: of each answer; when absent, that of the requests.
        split_type: how a file is cut into records. A line break between the quotes of CSV does not
            end one.
        strategy: whether a request holds as many records as it may, or one.
        max_payload: MiB of a request; 0 for no bound.
        max_concurrent: requests under way at once.
        assemble_with: ``Line`` writes each answer on a line of its own; ``None`` writes what was
            answered as it is.
        join_source: ``Input`` puts each record before its answer.
        input_filter: what of a record is sent.
        output_filter: what of the joined record is written.

    Raises:
        DeclarationError: a word that there is not, or parts that cannot go together.
    """

    content_type: str = "text/csv"
    accept: str | None = None
    split_type: SplitType = "Line"
    strategy: Strategy = "MultiRecord"
    max_payload: float = 6
    max_concurrent: int = 1
    assemble_with: Literal["None", "Line"] = "Line"
    join_source: Literal["None", "Input"] = "None"
    input_filter: JSONPath = field(default_factory=lambda: JSONPath("$"))
    output_filter: JSONPath = field(default_factory=lambda: JSONPath("$"))

    def __post_init__(self) -> None:
        for option, known in _CHOICES.items():
            if getattr(self, option) not in known:
                raise DeclarationError(
                    f"{option}={getattr(self, option)!r}: expected {' or '.join(known)}"
                )
        if self.max_payload < 0 or self.max_concurrent < 1:
            raise DeclarationError("max_payload is 0 or more, max_concurrent 1 or more")
        kind = parse(self.content_type)
        if self.split_type == "Line" and kind.params.get("header", "").lower() == "present":
            raise DeclarationError(
                f"{self.content_type}: only the first request would have the header; send rows"
                " without one"
            )
        form = form_of(self.content_type)
        is_unfit = form == "other" or (form == "csv" and self.split_type != "Line")
        if self._is_processed and (is_unfit or self.split_type == "RecordIO"):
            raise DeclarationError(
                "filters and joins are for JSON, and for lines of CSV and JSON Lines"
            )
        self._refuse_one_document()

    @property
    def _is_processed(self) -> bool:
        is_whole = self.input_filter.is_whole and self.output_filter.is_whole
        return not is_whole or self.join_source == "Input"

    @property
    def _accept(self) -> str:
        return self.accept or self.content_type

    def _refuse_one_document(self) -> None:
        has_many = self.split_type != "None" and self.strategy == "MultiRecord"
        takes_apart = self.assemble_with == "Line" or self._is_processed
        if has_many and takes_apart and is_one_document(self._accept):
            raise DeclarationError(
                f"accept={self._accept!r} answers many records with one document: accept"
                " application/jsonlines, or send a SingleRecord"
            )

    def transform(self, endpoint: Endpoint, source: BinaryIO, first: int = 1) -> Iterator[Answered]:
        """Ask for all records of a file.

        Args:
            endpoint: with its model loaded.
            source: read from where it stands.
            first: the number of the record that stands there, from 1.

        Yields:
            What is to be written, in the order of the records.

        Raises:
            TransformError: some were refused or failed, or there were not as many answers; says
                which records.
        """
        waiting: deque[tuple[list[bytes], Future[Response]]] = deque()
        with ThreadPoolExecutor(self.max_concurrent) as pool:
            for group in self._groups(source):
                waiting.append((group, pool.submit(self._ask, endpoint, group)))
                if len(waiting) > 2 * self.max_concurrent:
                    answered = self._answered(*waiting.popleft(), first)
                    first += answered.records
                    yield answered
            while waiting:
                answered = self._answered(*waiting.popleft(), first)
                first += answered.records
                yield answered

    def _groups(self, source: BinaryIO) -> Iterable[list[bytes]]:
        if self.split_type == "None":
            return [[source.read()]]
        if self.split_type == "RecordIO":
            records = frames_of(source)
        else:
            records = lines_of(source, is_quoted=form_of(self.content_type) == "csv")
        most = int(self.max_payload * _MEGABYTE)
        are_single = self.strategy == "SingleRecord"
        return self._told(groups_of(records, most=most, are_single=are_single))

    def _told(self, groups: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
        try:
            yield from groups
        except RequestError as error:
            raise TransformError(str(error)) from error

    def _ask(self, endpoint: Endpoint, group: Sequence[bytes]) -> Response:
        form = form_of(self.content_type)
        sent = list(group)
        if not self.input_filter.is_whole:
            sent = [write(self.input_filter(read(record, form)), form) for record in group]
        if self.split_type == "Line":
            sent = [record + b"\n" for record in sent]
        headers = {"content-type": self.content_type, "accept": self._accept}
        context = RequestContext(headers)
        return endpoint.invoke(Request(b"".join(sent), self.content_type, self._accept, context))

    def _answered(self, group: Sequence[bytes], future: Future[Response], first: int) -> Answered:
        last = first + len(group) - 1
        place = f"record {first}" if first == last else f"records {first} to {last}"
        try:
            written = self._written(group, _checked(future.result(), first))
        except (RequestError, TransformError) as error:
            raise TransformError(f"{place}: {error}") from error
        separators = len(group) if self.split_type == "Line" else 0
        return Answered(len(group), sum(map(len, group)) + separators, written)

    def _written(self, group: Sequence[bytes], response: Response) -> bytes:
        if self.split_type == "None" and not self._is_processed:
            ends = self.assemble_with == "Line" and not response.body.endswith(b"\n")
            return response.body + b"\n" * ends
        if is_one_document(response.content_type) and len(group) > 1:
            refuse_other_length(response.body, len(group))
            return response.body
        answers = answers_of(response.body, response.content_type, len(group))
        if self._is_processed:
            pairs = zip(group, answers, strict=True)
            answers = [self._processed(record, each, response) for record, each in pairs]
        elif self.assemble_with == "None":
            return response.body
        return b"".join(answer + b"\n" for answer in answers)

    def _processed(self, record: bytes, answer: bytes, response: Response) -> bytes:
        form, answered = form_of(self.content_type), form_of(response.content_type)
        value = read(answer, answered)
        if self.join_source == "Input":
            value = joined(read(record, form), value, form)
            answered = form
        return write(self.output_filter(value), answered)


def _checked(response: Response, first: int) -> Response:
    if response.error is not None:
        raise TransformError(f"{response.status}: {_told_in_file(response.error, first)}")
    return response


def _told_in_file(error: BaseException, first: int) -> str:
    """What went wrong, with the record of the file where the error knows that of the request."""
    row = error.where.get("row", error.where.get("line")) if isinstance(error, RequestError) else 0
    return f"(record {first + row - 1}) {error}" if isinstance(row, int) and row else str(error)
