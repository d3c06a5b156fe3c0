"""What loaders of one artefact have in common: where it is, and what may be done to read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from scriptmode.models.artifacts import find_artifact
from scriptmode.models.looks import LooksLike
from scriptmode.models.trust import Trusted, check_trusted
from scriptmode.models.versions import VersionPolicy, check_policy


@dataclass(frozen=True)
class Stored:
    """A loader of one file or folder, which is declared or found by its content.

    Args:
        file: the artefact's name in the model folder, or a glob. When absent, the one that a
            manifest lists, or the only one that looks like a model of the framework.
        versions: what becomes of an artefact of another release than the installed one can be
            relied on to read; see :mod:`scriptmode.models.versions`.
    """

    file: str | None = None
    versions: VersionPolicy = "error"

    forms: ClassVar[tuple[str, ...]] = ()
    is_folder: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_policy(self.versions)

    def locate(self, model_dir: Path) -> list[Path]:
        """The one artefact that ``load`` would read.

        Raises:
            ModelLoadError: none or several candidates, or a damaged one.
        """
        return [self._find(model_dir)]

    def _find(self, model_dir: Path) -> Path:
        return find_artifact(
            Path(model_dir), self.file, *self._recognisers(), folders=self.is_folder
        )

    def _recognisers(self) -> tuple[LooksLike, ...]:
        return (LooksLike(*self.forms),)


@dataclass(frozen=True)
class Trusting(Stored):
    """A loader that also reads what can execute code, once that is trusted by name.

    Args:
        file: see :class:`Stored`.
        versions: see :class:`Stored`.
        trusted: names out of ``unsafe_forms``; see :mod:`scriptmode.models.trust`.
    """

    trusted: Trusted = ()

    unsafe_forms: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_trusted(self.trusted, self.unsafe_forms)

    def _recognisers(self) -> tuple[LooksLike, ...]:
        """Beside a safe artefact, an unsafe one is no candidate unless it is trusted."""
        trusted = [form for form in self.unsafe_forms if form in self.trusted]
        return (LooksLike(*self.forms, *trusted), LooksLike(*self.unsafe_forms))
