"""A training job on this machine: no Docker and no AWS, but the same folders and environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, TrainingError
from scriptmode.training.layout import Layout
from scriptmode.training.process import follow
from scriptmode.training.requirements import missing_requirements
from scriptmode.training.variables import Described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from scriptmode.training.inputs import TrainingInput

_HOST = "algo-1"
_PROGRAM = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*\.py")
_LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", "*.pyc", ".venv")


class LocalJob:
    """Lays out a job's folders, and runs its script as SageMaker's toolkit would.

    Args:
        base: in place of ``/opt/ml``; an empty folder, or one to be made.
        name: of the job.
    """

    def __init__(self, base: Path, name: str) -> None:
        self.layout, self.name = Layout(base), name

    def prepare(
        self,
        script: Path,
        source_dir: Path | None,
        dependencies: Sequence[Path],
        inputs: Mapping[str, TrainingInput],
        hyperparameters: Mapping[str, str],
    ) -> None:
        """Lay out the code, the data and the configuration.

        Args:
            script: the entry script; within ``source_dir``, where there is one.
            source_dir: copied whole; when absent, only the script is.
            dependencies: files and folders to be put beside the script.
            inputs: the data of each channel, which is linked, not copied.
            hyperparameters: each as JSON, or as text that is none.

        Raises:
            DeclarationError: the script is not there, or its name is one that the toolkit refuses.
        """
        self.layout.make()
        program = _program(script, source_dir)
        if source_dir is None:
            shutil.copy2(script, self.layout.code / program)
        else:
            shutil.copytree(source_dir, self.layout.code, ignore=_LEFT_OUT, dirs_exist_ok=True)
        for each in dependencies:
            _copy(each, self.layout.code / each.name)
        for name, given in inputs.items():
            _link(given.location, self.layout.channel(name))
        self._configure(program, inputs, hyperparameters)

    def run(self, on_line: Callable[[str], None]) -> None:
        """Run the script to its end.

        Args:
            on_line: gets each line that the script writes, without its end.

        Raises:
            TrainingError: it failed; the reason stands in ``output/failure`` too.
        """
        job = Described(self.layout)
        command = [sys.executable, "--", job.program, *job.arguments]
        if missing := missing_requirements(self.layout.code / "requirements.txt"):
            raise self._failed(
                f"InstallRequirementsError:\nrequirements.txt asks for {', '.join(missing)}, which"
                f" is not installed here: pip install -r {self.layout.code / 'requirements.txt'}"
            )
        paths = [str(self.layout.code), os.environ.get("PYTHONPATH", "")]
        environ = {**_without_jobs(os.environ), **job.variables()}
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        code, said = follow(command, self.layout.code, environ, on_line)
        if code:
            raise self._failed(
                f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{said}"\n'
                f'Command "{" ".join(command)}"'
            )
        self.layout.success.touch()

    def _failed(self, reason: str) -> TrainingError:
        """What a script wrote itself stays, as it does in the cloud."""
        if not self.layout.failure.exists():
            self.layout.failure.write_text(reason)
        # What comes after an empty line is a traceback, which the log has shown.
        told = self.layout.failure.read_text().partition("\n\n")[0]
        return TrainingError(f"{self.name} failed: {told}")

    def _configure(
        self,
        program: str,
        inputs: Mapping[str, TrainingInput],
        hyperparameters: Mapping[str, str],
    ) -> None:
        own = {
            "sagemaker_program": program,
            "sagemaker_submit_directory": str(self.layout.code),
            "sagemaker_region": "local",
            "sagemaker_job_name": self.name,
            "sagemaker_container_log_level": 20,
        }
        told = {name: json.dumps(value) for name, value in own.items()}
        group = {
            "instance_group_name": "homogeneousCluster",
            "instance_type": "local",
            "hosts": [_HOST],
        }
        documents: dict[str, Any] = {
            "hyperparameters": {**hyperparameters, **told},
            "resourceconfig": {
                "current_host": _HOST,
                "hosts": [_HOST],
                "current_instance_type": "local",
                "current_group_name": "homogeneousCluster",
                "instance_groups": [group],
                "network_interface_name": "lo",
            },
            "inputdataconfig": {
                name: {
                    "TrainingInputMode": "File",
                    "S3DistributionType": "FullyReplicated",
                    "RecordWrapperType": "None",
                    **({"ContentType": each.content_type} if each.content_type else {}),
                }
                for name, each in inputs.items()
            },
        }
        for name, document in documents.items():
            (self.layout.config / f"{name}.json").write_text(json.dumps(document))


def _program(script: Path, source_dir: Path | None) -> str:
    path = script if source_dir is None else source_dir / script
    if not path.is_file():
        raise DeclarationError(f"there is no script {path}")
    program = script.name if source_dir is None else script.as_posix()
    if not _PROGRAM.fullmatch(program):
        raise DeclarationError(
            f"{program!r}: a script ends in .py, and its name has only letters, digits, '.', '_',"
            " '+', '-' and '/'"
        )
    return program


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=_LEFT_OUT, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy2(source, target)
    else:
        raise DeclarationError(f"dependencies: there is nothing at {source}")


def _link(source: Path, target: Path) -> None:
    """Folders of the job's own, whose files are links: nothing can be added to the source.

    A link to a folder stays one, since it may lead back to where it is.
    """
    target.mkdir(parents=True)
    if source.is_file():
        (target / source.name).symlink_to(source)
        return
    for folder, folders, files in os.walk(source):
        here = target / os.path.relpath(folder, source)
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118 - many
        for name in folders:
            if name not in linked:
                (here / name).mkdir()
        for name in (*files, *linked):
            os.symlink(os.path.join(folder, name), here / name)  # noqa: PTH118, PTH211


def _without_jobs(environ: Mapping[str, str]) -> dict[str, str]:
    """What another job's environment says is not for this one."""
    return {name: value for name, value in environ.items() if not name.startswith("SM_")}
