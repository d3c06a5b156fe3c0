"""Where the data of a channel is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scriptmode.errors import DeclarationError

_NAME = re.compile(r"[A-Za-z0-9.\-_]{1,64}")  # ChannelName of the service's API


@dataclass(frozen=True)
class TrainingInput:
    """A file or folder for a channel, as in the SageMaker Python SDK.

    Args:
        path: on this machine; ``file://`` may stand before it.
        content_type: of every file, such as ``text/csv``; None to go by their endings.
    """

    path: str | Path
    content_type: str | None = None

    @property
    def location(self) -> Path:
        """The path, absolute.

        Raises:
            DeclarationError: it is elsewhere, or there is nothing.
        """
        text = str(self.path)
        if not text:
            raise DeclarationError("an empty path names no file or folder")
        if "://" in text and not text.startswith("file://"):
            raise DeclarationError(f"{text}: only files of this machine can be read here")
        found = Path(text.removeprefix("file://")).expanduser().absolute()
        if not found.exists():
            raise DeclarationError(f"there is nothing at {found}")
        return found


Inputs: TypeAlias = "Mapping[str, str | Path | TrainingInput] | str | Path | TrainingInput"
"""What ``fit`` takes: an input for each channel, or one for the channel ``training``."""


def inputs_of(given: Inputs | None) -> dict[str, TrainingInput]:
    """The input of each channel.

    Raises:
        DeclarationError: an input is elsewhere or not there, or a name is none of a channel.
    """
    if given is None:
        return {}
    channels = given if isinstance(given, Mapping) else {"training": given}
    found = {
        name: each if isinstance(each, TrainingInput) else TrainingInput(each)
        for name, each in channels.items()
    }
    for name, each in found.items():
        if not _NAME.fullmatch(name):
            raise DeclarationError(
                f"channel {name!r}: a name has up to 64 letters, digits, '.', '-' and '_'"
            )
        _ = each.location
    variables: dict[str, str] = {}
    for name in found:
        other = variables.setdefault(name.upper(), name)
        if other != name:
            raise DeclarationError(
                f"channels {other!r} and {name!r} would be one variable, SM_CHANNEL_{name.upper()}"
            )
    return found
