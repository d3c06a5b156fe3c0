"""A training job on this machine: no Docker and no AWS, but the same folders and environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptmode._files import walk
from scriptmode.errors import DeclarationError, TrainingError
from scriptmode.training.layout import Layout
from scriptmode.training.process import follow
from scriptmode.training.requirements import missing_requirements
from scriptmode.training.variables import Described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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

    @property
    def script(self) -> Path:
        """The entry script, where it was put."""
        return self.layout.code / Described(self.layout).program

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
            self._copy_tree(source_dir, self.layout.code)
        for each in dependencies:
            self._copy(each, self.layout.code / each.name)
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

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            self._copy_tree(source, target)
        elif source.is_file():
            shutil.copy2(source, target)
        else:
            raise DeclarationError(f"dependencies: there is nothing at {source}")

    def _copy_tree(self, source: Path, target: Path) -> None:
        """All but what no job needs, and this job and those beside it, which may lie within."""
        jobs = {self.layout.base.resolve(), self.layout.base.parent.resolve()} - {source.resolve()}

        def left_out(folder: str, names: list[str]) -> set[str]:
            own = {name for name in names if (Path(folder) / name).resolve() in jobs}
            return own | _LEFT_OUT(folder, names)

        shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)

    def _failed(self, reason: str) -> TrainingError:
        """What a script wrote itself stays, as it does in the cloud."""
        if not self.layout.failure.exists():
            self.layout.failure.write_text(reason, errors="backslashreplace")
        # What comes after an empty line is a traceback, which the log has shown.
        told = self.layout.failure.read_text(errors="replace").partition("\n\n")[0]
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


def _link(source: Path, target: Path) -> None:
    """Folders of the job's own, whose files are links: nothing can be added to the source."""
    if source.is_file():
        target.mkdir(parents=True)
        (target / source.name).symlink_to(source)
        return
    for folder, names in walk(source):
        here = target / os.path.relpath(folder, source)
        here.mkdir(parents=True)
        for name in names:
            os.symlink(f"{folder}/{name}", here / name)  # noqa: PTH211 - there may be many


def _without_jobs(environ: Mapping[str, str]) -> dict[str, str]:
    """What another job's environment says is not for this one."""
    return {name: value for name, value in environ.items() if not name.startswith("SM_")}
