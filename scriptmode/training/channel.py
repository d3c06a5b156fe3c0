"""The data of a training job, read by the serializers that also serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scriptmode._files import visible_files
from scriptmode.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from scriptmode.serializers.base import Decoder
    from scriptmode.training.examples import Examples


@dataclass(frozen=True)
class Channel:
    """Files under one name.

    Args:
        name: such as ``train``.
        path: a file, or a folder of files.
        content_type: of every file, as the job declares it; None to go by the files' endings.
    """

    name: str
    path: Path
    content_type: str | None = None

    def files(self) -> list[Path]:
        """Every file below the folder, sorted; hidden ones and ``_SUCCESS`` are left out.

        Raises:
            TrainingError: there is none, or one is a link that leads nowhere.
        """
        if self.path.is_file():
            return [self.path]
        found = [path for path in visible_files(self.path) if path.name != "_SUCCESS"]
        for path in found:
            if not path.exists():
                raise TrainingError(f"channel {self.name!r}: {path} is a link that leads nowhere")
        if not found:
            problem = "holds no files" if self.path.is_dir() else "does not exist"
            raise TrainingError(f"channel {self.name!r}: {self.path} {problem}")
        return found

    def table(
        self,
        label: int | str | None = None,
        *,
        format: str | Decoder | None = None,  # noqa: A002 - the field's word
    ) -> Examples:
        """Read every file, one after the other, into one table.

        Args:
            label: the column to learn: its position from 0 (-1 is the last), or its name. libsvm
                and RecordIO have a place for labels, which is read always.
            format: a name such as ``csv``, a content type, or a serializer such as
                ``CSV(header=True)``. When absent, the channel's content type, or else the files'
                endings say it. Line 1 of a CSV file names the columns where no cell of it is a
                number.

        Returns:
            The features as the serializer reads them, float64 ``(rows, columns)`` of plain
            numbers; where the label is the first or last column, they are a view.

        Raises:
            TrainingError: there are no files, they do not fit together, or one cannot be read;
                names the file, the line and the column.
            DeclarationError: nothing reads that format.
        """
        from scriptmode.training.progress import progress
        from scriptmode.training.reading import joined, reader_of

        files = self.files()
        read = reader_of(format or self.content_type, label)
        return joined([read(path) for path in progress(files, self.name)], files)
