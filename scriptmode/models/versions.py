"""Whether an artefact may be read by another release than the one that wrote it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import warnings
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from scriptmode.errors import DeclarationError, ModelLoadError

if TYPE_CHECKING:
    from pathlib import Path

VersionPolicy: TypeAlias = Literal["error", "warn", "ignore"]
"""What becomes of an artefact that the installed release cannot be relied on to read."""

POLICIES = ("error", "warn", "ignore")


class Library(NamedTuple):
    """A framework, and how far apart its releases may be.

    What a later release wrote is read without a word and may be answered wrongly: xgboost 3.0
    takes the intercept of a model of 3.2 for 0.5. So the reader must be of the same major
    version and not older than the writer.

    Args:
        module: its import name, which has a ``__version__``.
        same_minor: whether it promises nothing between minor versions either.
    """

    module: str
    same_minor: bool = False

    def installed(self) -> str:
        """The release that is installed."""
        return str(importlib.import_module(self.module).__version__)

    def is_installed(self) -> bool:
        """Whether there is any release of it here."""
        return importlib.util.find_spec(self.module) is not None

    def check(self, written: str, path: Path, policy: VersionPolicy, *, holds: str = "") -> None:
        """Hold the release that wrote an artefact against the one that reads it.

        Args:
            written: the release that wrote the artefact.
            path: the artefact, for the message.
            policy: what to do about a mismatch.
            holds: the class of what is in it, for the message.

        Raises:
            ModelLoadError: it cannot be relied on, and the policy is ``error``.
        """
        installed = self.installed()
        saved, here = _release(written), _release(installed)
        if policy == "ignore" or saved is None or here is None or self._reads(saved, here):
            return
        later = "" if self.same_minor else f" or a later {saved[0]}.x"
        message = (
            f"{path}{holds and f' holds {holds}, which'} was written by {self.module} {written}:"
            " expected"
            f" {self.module} {saved[0]}.{saved[1]}{later}, found {installed}; install it, or"
            " declare versions='warn' if you know that the model is read right"
        )
        if policy == "error":
            raise ModelLoadError(message)
        warnings.warn(message, RuntimeWarning, stacklevel=2)

    def _reads(self, saved: tuple[int, int], here: tuple[int, int]) -> bool:
        return saved == here if self.same_minor else saved[0] == here[0] and saved <= here


LIBRARIES = {"sklearn": Library("sklearn", same_minor=True), "xgboost": Library("xgboost")}
"""Those whose releases are written into what they pickle."""


def check_policy(policy: str) -> None:
    """Refuse a policy that there is not.

    Raises:
        DeclarationError: none of ``error``, ``warn``, ``ignore``.
    """
    if policy not in POLICIES:
        raise DeclarationError(f"versions={policy!r}: expected one of {', '.join(POLICIES)}")


def _release(version: str) -> tuple[int, int] | None:
    """Major and minor version; None for what is no version."""
    found = re.match(r"(\d{1,6})\.(\d{1,6})", version)
    return (int(found[1]), int(found[2])) if found else None
