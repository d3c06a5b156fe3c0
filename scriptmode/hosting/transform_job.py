"""A batch over files: ``x`` becomes ``x.out``, whole or not at all, and can be gone on with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from scriptmode._files import visible_files
from scriptmode.errors import DeclarationError, ModelLoadError, TransformError
from scriptmode.handlers.digests import digest, digest_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scriptmode.handlers.endpoint import Endpoint
    from scriptmode.hosting.batch import Batch

_JOURNAL = ".scriptmode-batch"


class Done(NamedTuple):
    """How far a file is.

    Args:
        job: what was asked for, as a digest.
        records: how many were answered.
        read: bytes of the input that they were.
        written: bytes of their answers.
        is_whole: whether that is all of the file.
    """

    job: str
    records: int = 0
    read: int = 0
    written: int = 0
    is_whole: bool = False


@dataclass(frozen=True)
class TransformJob:
    """Answers every file below a folder.

    Args:
        batch: how.
        endpoint: with its model loaded.
        target: the folder for the answers; files keep their places below it.
        identity: of the script and the model, from :func:`identity_of`.
        resume: whether files that this very job answered already are left, and those that it had
            begun are gone on with. Anything else about the job or the file begins anew.
    """

    batch: Batch
    endpoint: Endpoint
    target: Path
    identity: str
    resume: bool = False

    def run(self, source: Path, on_bytes: Callable[[int], object]) -> int:
        """Answer a file, or every file of a folder.

        Args:
            source: the file or folder; hidden files are left out.
            on_bytes: told of the bytes of input that were answered.

        Returns:
            How many records were answered, those of before among them.

        Raises:
            TransformError: some file could not be answered; every other one is all the same.
            DeclarationError: there is no such file.
        """
        files = files_of(source)
        root = source.parent if source.is_file() else source
        records, problems = 0, list[str]()
        for path in files:
            try:
                records += self._file(path, path.relative_to(root).as_posix(), on_bytes)
            except TransformError as error:  # noqa: PERF203 - a few files
                problems.append(f"{path}: {error}")
        if problems:
            raise TransformError("\n".join(problems))
        return records

    def _file(self, path: Path, name: str, on_bytes: Callable[[int], object]) -> int:
        whole = self.target / f"{name}.out"
        part, journal = whole.with_name(f"{whole.name}.part"), self.target / _JOURNAL / name
        for each in (whole, journal):
            each.parent.mkdir(parents=True, exist_ok=True)
        done = self._begun(path, journal)
        if done.is_whole and whole.exists():
            on_bytes(done.read)
            return done.records
        if done.is_whole or not part.exists():
            done = Done(done.job)
        with path.open("rb") as source, part.open("r+b" if done.written else "wb") as target:
            source.seek(done.read)
            target.seek(done.written)
            target.truncate()
            on_bytes(done.read)
            for answered in self.batch.transform(self.endpoint, source, done.records + 1):
                target.write(answered.written)
                target.flush()
                done = done._replace(
                    records=done.records + answered.records,
                    read=done.read + answered.read,
                    written=done.written + len(answered.written),
                )
                _keep(journal, done)
                on_bytes(answered.read)
        part.replace(whole)
        _keep(journal, done._replace(is_whole=True))
        return done.records

    def _begun(self, path: Path, journal: Path) -> Done:
        """What this very job did to this very file."""
        seen = path.stat()
        told = f"{self.batch!r} {self.identity} {path.name} {seen.st_size} {seen.st_mtime_ns}"
        job = hashlib.sha256(told.encode()).hexdigest()
        if self.resume and journal.is_file():
            try:
                found = Done(*json.loads(journal.read_bytes()))
            except (ValueError, TypeError):  # it was being written
                return Done(job)
            if found.job == job:
                return found
        return Done(job)


def identity_of(script: Path, model_dir: Path) -> str:
    """What a script and a model folder are, to the byte.

    Raises:
        ModelLoadError: there is no such folder.
    """
    if not model_dir.is_dir():
        raise ModelLoadError(f"the model folder {model_dir} does not exist")
    found = hashlib.sha256(script.read_bytes())
    for name in digest_names(model_dir, model_dir):
        found.update(f"{name} {digest(model_dir / name)}\n".encode())
    return found.hexdigest()


def files_of(source: Path) -> list[Path]:
    """A file, or every file of a folder, sorted; without hidden ones.

    Raises:
        DeclarationError: there is none.
    """
    if source.is_file():
        return [source]
    found = visible_files(source)
    if not found:
        raise DeclarationError(f"there are no files at {source}")
    return found


def _keep(journal: Path, done: Done) -> None:
    """Written beside, and moved: whoever reads it finds a whole one."""
    draft = journal.with_name(f"{journal.name}.new")
    draft.write_text(json.dumps(done))
    draft.replace(journal)
