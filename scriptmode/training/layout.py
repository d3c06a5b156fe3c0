"""The folders of a training job, as SageMaker has them below ``/opt/ml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Where a job finds and leaves its files.

    Args:
        base: ``/opt/ml`` in the cloud.
    """

    base: Path

    @property
    def code(self) -> Path:
        """The script and what lies beside it; the folder that it runs in."""
        return self.base / "code"

    @property
    def config(self) -> Path:
        """``hyperparameters.json``, ``resourceconfig.json`` and ``inputdataconfig.json``."""
        return self.base / "input" / "config"

    @property
    def input(self) -> Path:
        """What the job is given."""
        return self.base / "input"

    @property
    def model(self) -> Path:
        """What is archived as ``model.tar.gz``."""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """Where success or failure is told."""
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        """What else the job made; it is archived as ``output.tar.gz``."""
        return self.output / "data"

    @property
    def failure(self) -> Path:
        """Why the job failed; SageMaker shows its first 1024 characters."""
        return self.output / "failure"

    @property
    def success(self) -> Path:
        """Empty; there once the job has ended well."""
        return self.output / "success"

    def channel(self, name: str) -> Path:
        """The data of a channel."""
        return self.input / "data" / name

    def make(self) -> None:
        """Make the folders that a host makes."""
        for folder in (self.code, self.config, self.model, self.output_data):
            folder.mkdir(parents=True, exist_ok=True)
