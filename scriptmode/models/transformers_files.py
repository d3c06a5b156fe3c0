"""Folders that ``save_pretrained`` of transformers wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WEIGHTS = "model.safetensors"
_TASKS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
}


def read_config(path: Path) -> dict[str, Any]:
    """The model's configuration, once what lies beside it is what may be read.

    Raises:
        ModelLoadError: weights are missing, or in a pickle; or they are an adapter for a model
            that would have to be fetched.
    """
    if (path / "adapter_config.json").exists():
        raise ModelLoadError(
            f"{path} holds an adapter, whose model would be fetched: merge them, and save the whole"
        )
    index = path / f"{_WEIGHTS}.index.json"
    if not (path / _WEIGHTS).is_file() and not index.is_file():
        raise ModelLoadError(
            f"{path} has no {_WEIGHTS}: weights in a pickle are not read; load them where they were"
            " made, and save_pretrained them"
        )
    if index.is_file():
        for file in _files_of(index):
            if "/" in file or "\\" in file or not (path / file).is_file():
                raise ModelLoadError(f"{index} names {file!r}, which is no file beside it")
    config: dict[str, Any] = json.loads((path / "config.json").read_bytes())
    return config


def _files_of(index: Path) -> list[str]:
    try:
        files: Any = json.loads(index.read_bytes())["weight_map"].values()
        return sorted({str(file) for file in files})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelLoadError(f"{index} is no index of weights: {error}") from error


def task_of(path: Path, config: Mapping[str, Any]) -> str:
    """The task of the model's architecture.

    Raises:
        ModelLoadError: it has none that is known.
    """
    listed = config.get("architectures")
    named = listed if isinstance(listed, list) else []
    for name in named:
        for ending, task in _TASKS.items():
            if str(name).endswith(ending):
                return task
    raise ModelLoadError(
        f"{path} is a {', '.join(map(str, named)) or 'model of no architecture'}, which has no task"
        " by itself: declare task=... or auto=..."
    )


def auto_class(transformers: Any, task: str | None) -> str:
    """The name of the class that reads a model for a task.

    Raises:
        ModelLoadError: there is no such task.
    """
    known: Any = transformers.pipelines.PIPELINE_REGISTRY.supported_tasks
    aliases: Any = transformers.pipelines.PIPELINE_REGISTRY.task_aliases
    task = aliases.get(task, task)
    if task not in known:
        raise ModelLoadError(
            f"transformers {transformers.__version__} has no pipeline for the task {task!r}; it has"
            f" {', '.join(sorted(known))}"
        )
    return str(known[task]["pt"][0].__name__)


def read_model(path: Path, class_name: str) -> Any:
    """A model, of which every weight was in the folder.

    Raises:
        ModelLoadError: some are missing, it cannot be read, or there is no such class.
    """
    transformers = require("transformers", extra="transformers")
    cls = getattr(transformers, class_name, None)
    if cls is None:
        raise ModelLoadError(f"transformers {transformers.__version__} has no class {class_name!r}")
    model, told = read_part(cls, path, use_safetensors=True, output_loading_info=True)
    missing = sorted(told["missing_keys"])
    if missing:
        raise ModelLoadError(
            f"{path} has no weights for {', '.join(missing[:5])} of {type(model).__name__}, which"
            " would be drawn at random: save the model that was trained for this task"
        )
    return model


def read_part(cls: Any, path: Path, **options: Any) -> Any:
    """What a class makes of the folder, without fetching anything or running code of it.

    Raises:
        ModelLoadError: it cannot be read.
    """
    try:
        return cls.from_pretrained(
            str(path), local_files_only=True, trust_remote_code=False, **options
        )
    except Exception as error:  # each model and tokenizer fails in ways of its own
        reason = str(error).strip().partition("\n")[0]
        raise ModelLoadError(f"{path} cannot be read as {cls.__name__}: {reason}") from error
