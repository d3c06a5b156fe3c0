"""Training and deploying on this machine, in the words of the SageMaker Python SDK."""

from __future__ import annotations

import json
import logging
import re
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import DeclarationError, TrainingError
from scriptmode.models.versions import LIBRARIES
from scriptmode.training.display import display
from scriptmode.training.endpoint import LocalEndpoint
from scriptmode.training.inputs import Inputs, inputs_of
from scriptmode.training.local_job import LocalJob
from scriptmode.training.metrics import Metrics
from scriptmode.training.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
_JOB_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")  # of the service's API
_LONGEST_VALUE = 2500  # characters, likewise
_log = logging.getLogger("scriptmode.training")


class Estimator:
    """Trains a script as a SageMaker job would, without Docker and without AWS.

    ::

        estimator = XGBoost("train.py", hyperparameters={"max_depth": 5})
        estimator.fit({"train": "data/train"})
        predictor = estimator.deploy()

    Args:
        entry_point: the script; relative to ``source_dir``, where there is one.
        source_dir: a folder that goes with the script.
        dependencies: files and folders to be put beside the script.
        hyperparameters: anything that JSON can say, by name.
        metric_definitions: what to look for in the log, each with ``Name`` and ``Regex``.
        framework_version: of the image in the cloud; another one here is warned of.
        role: taken so that the same call runs in the cloud; not used here.
        instance_type: likewise.
        instance_count: must be 1 here.
        py_version: as ``role``.
        image_uri: as ``role``.
        base_job_name: what job names begin with.
        output_path: the folder to keep jobs in; a temporary one when absent.

    Raises:
        DeclarationError: the script is not there, a hyperparameter is nothing that JSON can say,
            or more than one machine is asked for.
    """

    framework: ClassVar[str | None] = None
    default_metrics: ClassVar[tuple[Mapping[str, str], ...]] = ()

    def __init__(  # noqa: PLR0913 - the SDK's words
        self,
        entry_point: str | Path,
        *,
        source_dir: str | Path | None = None,
        dependencies: Sequence[str | Path] = (),
        hyperparameters: Mapping[str, Any] | None = None,
        metric_definitions: Sequence[Mapping[str, str]] | None = None,
        framework_version: str | None = None,
        role: str | None = None,
        instance_type: str = "local",
        instance_count: int = 1,
        py_version: str = "py3",
        image_uri: str | None = None,
        base_job_name: str | None = None,
        output_path: str | Path | None = None,
    ) -> None:
        if instance_count != 1:
            raise DeclarationError(f"instance_count={instance_count}: here there is one machine")
        self.entry_point = Path(entry_point)
        self.source_dir = None if source_dir is None else Path(source_dir)
        script = self.entry_point if self.source_dir is None else self.source_dir / entry_point
        if not script.is_file():
            raise DeclarationError(f"there is no script {script}")
        self.dependencies = [Path(each) for each in dependencies]
        self.role, self.instance_type = role, instance_type
        self.py_version, self.image_uri = py_version, image_uri
        self.framework_version = framework_version
        self.base_job_name = base_job_name or self.framework or self.entry_point.stem
        self._hyperparameters = {
            name: _as_json(name, value) for name, value in (hyperparameters or {}).items()
        }
        if "://" in str(output_path):
            raise DeclarationError(
                f"output_path={output_path!r}: expected a folder of this machine"
            )
        self._output = Path(output_path or tempfile.mkdtemp(prefix="scriptmode-"))
        if self._output.is_file():
            raise DeclarationError(f"output_path={output_path!r} is a file: expected a folder")
        self._definitions = metric_definitions
        self._metrics = self._new_metrics()
        self._job: LocalJob | None = None

    def hyperparameters(self) -> dict[str, str]:
        """Each as JSON, as the SDK sends them."""
        return dict(self._hyperparameters)

    def fit(
        self,
        inputs: Inputs | None = None,
        wait: bool = True,  # noqa: FBT001, FBT002 - the SDK's order
        logs: bool | str = True,  # noqa: FBT001, FBT002
        job_name: str | None = None,
    ) -> None:
        """Train, to the end.

        Args:
            inputs: a path or a :class:`TrainingInput` for each channel; one alone is the channel
                ``training``.
            wait: must be True here.
            logs: whether the script's lines are shown.
            job_name: one that was not used before; made of the time when absent.

        Raises:
            TrainingError: the job failed; says why.
            DeclarationError: an input is not there, or the name was used or is none.
        """
        if not wait:
            raise DeclarationError("wait=False: a job on this machine is waited for")
        self._warn_of_version()
        channels = inputs_of(inputs)
        name = job_name or self._new_name()
        if not _JOB_NAME.fullmatch(name):
            raise DeclarationError(f"job {name!r}: a name has up to 63 letters, digits and '-'")
        base = self._output.absolute() / name
        if base.exists():
            raise DeclarationError(f"there is a job {name!r} at {base}")
        job = LocalJob(base, name)
        job.prepare(
            self.entry_point, self.source_dir, self.dependencies, channels, self._hyperparameters
        )
        self._metrics = self._new_metrics()
        with display(name, self._metrics, logs=logs not in (False, "None")) as on_line:
            job.run(on_line)
        self._job = job
        _archive(job.layout.model, Path(self.model_data))
        if any(job.layout.output_data.iterdir()):
            _archive(job.layout.output_data, job.layout.output / "output.tar.gz")
        if not any(job.layout.model.iterdir()):
            _log.warning("%s saved nothing: its model folder is empty", name)

    @property
    def model_data(self) -> str:
        """The archive of the model, ``model.tar.gz``.

        Raises:
            TrainingError: nothing was trained.
        """
        return str(self._trained().layout.output / "model.tar.gz")

    @property
    def latest_training_job(self) -> str:
        """The name of the last job that ended well.

        Raises:
            TrainingError: nothing was trained.
        """
        return self._trained().name

    @property
    def metrics(self) -> pd.DataFrame:
        """What the last job's log told: ``metric_name``, ``value`` and ``timestamp`` (seconds)."""
        return self._metrics.to_pandas()

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the learning curves: each metric over its steps.

        Args:
            path: a PNG to write.

        Returns:
            A figure of matplotlib, which a notebook shows.

        Raises:
            TrainingError: the log told no metrics.
        """
        from scriptmode.training.curves import draw

        figure = draw(self._metrics.found, self.base_job_name)
        if path is not None:
            figure.savefig(path)
        return figure

    def deploy(
        self,
        initial_instance_count: int = 1,
        instance_type: str = "local",
        *,
        serializer: Any = "csv",
        deserializer: Any = "json",
    ) -> Predictor:
        """Serve what was trained from its archive, in a process of its own.

        Args:
            initial_instance_count: must be 1 here.
            instance_type: taken so that the same call runs in the cloud; not used here.
            serializer: see :class:`Predictor`.
            deserializer: likewise.

        Raises:
            TrainingError: nothing was trained, or the endpoint does not become ready.
            MissingExtraError: the server is not installed.
        """
        if initial_instance_count != 1:
            raise DeclarationError("initial_instance_count: here there is one machine")
        job = self._trained()
        folder = Path(tempfile.mkdtemp(prefix="model-", dir=job.layout.base))
        with tarfile.open(self.model_data) as archive:
            archive.extractall(folder, filter="data")
        endpoint = LocalEndpoint(job.script, folder)
        return Predictor(endpoint, serializer=serializer, deserializer=deserializer)

    def _new_name(self) -> str:
        """Made of the time, as the SDK does, and of what a name may have."""
        base = re.sub(r"[^A-Za-z0-9]+", "-", self.base_job_name).strip("-")[:39].rstrip("-")
        return f"{base or 'job'}-{time.strftime('%Y-%m-%d-%H-%M-%S')}-{_millis()}"

    def _trained(self) -> LocalJob:
        if self._job is None:
            raise TrainingError("nothing was trained: call fit first")
        return self._job

    def _new_metrics(self) -> Metrics:
        given = self._definitions
        return Metrics(self.default_metrics if given is None else given)

    def _warn_of_version(self) -> None:
        library = LIBRARIES.get(self.framework or "")
        if self.framework_version is None or library is None or not library.is_installed():
            return
        installed = library.installed()
        if not f"{installed}.".startswith(f"{self.framework_version.partition('-')[0]}."):
            _log.warning(
                "framework_version=%r, but %s %s is installed here",
                self.framework_version,
                self.framework,
                installed,
            )


class XGBoost(Estimator):
    """Trains a script of XGBoost; its evaluation log is read without being told how."""

    framework = "xgboost"
    default_metrics = tuple(
        {"Name": f"{data}:{metric}", "Regex": rf"\[\d+\].*\b{data}-{metric}:{_NUMBER}"}
        for data in ("train", "validation")
        for metric in (
            "rmse", "rmsle", "mae", "mape", "logloss", "error", "merror", "mlogloss", "auc",
            "aucpr", "ndcg", "map",
        )
    )  # fmt: skip


def _as_json(name: str, value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        raise DeclarationError(
            f"hyperparameters[{name!r}] is {type(value).__name__}, which JSON has no form for"
        ) from None
    if "\\u0000" in text or len(text) > _LONGEST_VALUE:
        raise DeclarationError(
            f"hyperparameters[{name!r}]: a value has up to {_LONGEST_VALUE} characters, and no NUL"
        )
    return text


def _archive(folder: Path, target: Path) -> None:
    with tarfile.open(target, "w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)


def _millis() -> str:
    return f"{time.time_ns() // 1_000_000 % 1000:03d}"
