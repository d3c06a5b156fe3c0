"""What a training job is told of itself: folders, channels, hosts, cores."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError
from scriptmode.training.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOSTS_OWN = ("code", "sm_drivers")  # channels in which the Python SDK 3 sends the script
_CHANNEL = "SM_CHANNEL_"


@dataclass(frozen=True)
class Job:
    """The same in the cloud and on a laptop; nothing of it can be changed.

    Args:
        model_dir: the folder to save the model in.
        output_data_dir: the folder for whatever else is worth keeping.
        channels: the data that the job was given, by name.
        hosts: every machine of the job.
        current_host: this one.
        num_cpus: its cores.
        num_gpus: its accelerators.
        name: of the training job; empty outside of one.
        failure: the file for the reason of a failure, where the host reads one.
    """

    model_dir: Path = Path("model")
    output_data_dir: Path = Path("output")
    channels: Mapping[str, Channel] = field(default_factory=lambda: MappingProxyType({}))
    hosts: tuple[str, ...] = ("localhost",)
    current_host: str = "localhost"
    num_cpus: int = 1
    num_gpus: int = 0
    name: str = ""
    failure: Path | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Job:
        """What the environment says; where it is silent, folders of the current one.

        Args:
            environ: the ``SM_*`` variables of the toolkit or of the Python SDK 3's drivers, which
                differ; those of the process when absent.

        Raises:
            DeclarationError: a variable that should be JSON is not.
        """
        environ = os.environ if environ is None else environ
        current = environ.get("SM_CURRENT_HOST", cls.current_host)
        hosts = _read_json(environ, "SM_HOSTS", [current])
        output = environ.get("SM_OUTPUT_DIR")
        failure = environ.get("SM_OUTPUT_FAILURE", f"{output}/failure" if output else "")
        return cls(
            model_dir=Path(environ.get("SM_MODEL_DIR", cls.model_dir)),
            output_data_dir=Path(environ.get("SM_OUTPUT_DATA_DIR", cls.output_data_dir)),
            channels=MappingProxyType(_channels(environ)),
            hosts=tuple(hosts),
            current_host=current,
            num_cpus=int(environ.get("SM_NUM_CPUS") or os.cpu_count() or 1),
            num_gpus=int(environ.get("SM_NUM_GPUS") or 0),
            name=environ.get("TRAINING_JOB_NAME", ""),
            failure=Path(failure) if failure else None,
        )

    @property
    def is_leader(self) -> bool:
        """Whether this host is the one that saves the model: the first of all."""
        return self.current_host == self.hosts[0]

    def channel(self, name: str, default: str | Path | None = None) -> Channel:
        """The data of that name.

        Args:
            name: such as ``train``.
            default: a file or folder for runs that nobody gave the channel.

        Raises:
            DeclarationError: there is no such channel; names those there are.
        """
        found = self.channels.get(name)
        if found is not None:
            return found
        if default is not None:
            return Channel(name, Path(default))
        given = ", ".join(map(repr, self.channels)) or "none"
        raise DeclarationError(
            f"there is no channel {name!r}; this run was given {given}. Set {_variable(name)}, run"
            f" with scriptmode train --channel {name}=PATH, or give a default"
        )


def _channels(environ: Mapping[str, str]) -> dict[str, Channel]:
    described = _read_json(environ, "SM_INPUT_DATA_CONFIG", {})
    variables = [each for each in environ if each.startswith(_CHANNEL)]
    names = _read_json(environ, "SM_CHANNELS", None)
    if names is None:
        names = sorted(each.removeprefix(_CHANNEL).lower() for each in variables)
    return {
        name: Channel(name, Path(environ[_variable(name)]), _content_type(described, name))
        for name in names
        if name not in _HOSTS_OWN and _variable(name) in environ
    }


def _variable(name: str) -> str:
    return _CHANNEL + name.upper()


def _content_type(described: Any, name: str) -> str | None:
    found = described.get(name) if isinstance(described, dict) else None
    return (found or {}).get("ContentType") or None


def _read_json(environ: Mapping[str, str], variable: str, default: Any) -> Any:
    if not environ.get(variable):
        return default
    try:
        return json.loads(environ[variable])
    except ValueError as error:
        raise DeclarationError(f"{variable} is no JSON: {error}") from None
