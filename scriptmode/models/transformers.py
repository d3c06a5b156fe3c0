"""Hugging Face transformers: pipelines by task, or a model of an explicit Auto class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from scriptmode._imports import require
from scriptmode.errors import DeclarationError, ModelLoadError
from scriptmode.models.artifacts import place
from scriptmode.models.base import Signature
from scriptmode.models.devices import check_device, torch_device
from scriptmode.models.stored import Stored
from scriptmode.models.texts import as_texts
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.torch import make_forks_safe
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FOLDER = "model"
_WEIGHTS = "model.safetensors"
_TASKS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
}
_ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "text-classification": {"truncation": True},
    "text-generation": {"do_sample": False},  # it draws lots by default
}
_CLASSIFICATION = "text-classification"


class Pair(NamedTuple):
    """A model and its tokenizer, for a ``predict`` function of the script's own.

    Args:
        model: of the declared Auto class, in evaluation mode.
        tokenizer: of the same folder.
    """

    model: Any
    tokenizer: Any


@dataclass(frozen=True)
class Transformers(Stored):
    """Loads a folder that ``save_pretrained`` wrote; nothing is fetched, and no code of it runs.

    Args:
        file: the folder; see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; the folder says which release wrote it.
        task: of a pipeline, such as ``text-classification``. When absent, that of the model's
            architecture, where it has one.
        auto: in place of a pipeline, the Auto class, such as ``AutoModelForMaskedLM``: ``load``
            returns a :class:`Pair`, and answers are logits.
        arguments: of each call of the pipeline, such as ``{"top_k": 3}``.
        device: ``auto`` is an accelerator where there is one, else the processor; or ``cpu``,
            ``cuda``, ``cuda:1``, ``mps``.
        threads: of this process; see :func:`scriptmode.models.threads.threads_of`.
    """

    task: str | None = None
    auto: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    threads: int | None = None

    name: ClassVar[str] = "transformers"
    library: ClassVar[Library] = Library("transformers")
    forms: ClassVar[tuple[str, ...]] = ("transformers",)
    is_folder: ClassVar[bool] = True
    takes_text: ClassVar[bool] = True
    thread_safe: ClassVar[bool] = False  # padding and truncation are kept in the tokenizer
    output_names: ClassVar[tuple[str, ...]] = ("value", "label", "proba")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device(self.device)
        check_threads(self.threads)
        if self.task is not None and self.auto is not None:
            raise DeclarationError("declare task=... or auto=..., not both")
        if self.auto is not None and not self.auto.startswith("Auto"):
            raise DeclarationError(f"auto={self.auto!r}: expected a class such as 'AutoModel'")

    def load(self, model_dir: Path) -> Any:
        """Read the folder.

        Returns:
            A pipeline; or, with ``auto``, a :class:`Pair`.

        Raises:
            ModelLoadError: none or several candidates, weights that are missing or in a pickle,
                a model that needs code of its own or another head, or one of another release.
        """
        path = self._find(model_dir)
        config = _read_config(path)
        if written := config.get("transformers_version"):
            self.library.check(str(written), path, self.versions)
        transformers = require("transformers", extra="transformers")
        torch = require("torch", extra="transformers")
        torch.set_num_threads(threads_of(self.threads))
        make_forks_safe(torch)
        task = None if self.auto else self.task or _task_of(path, config)
        model = _read_model(path, self.auto or _auto_class(transformers, task))
        tokenizer = _read(transformers.AutoTokenizer, path)
        model = model.to(torch_device(self.device)).eval()
        if task is None:
            return Pair(model, tokenizer)
        return transformers.pipeline(task, model=model, tokenizer=tokenizer, device=model.device)

    def predict(self, model: Any, data: Any) -> Any:
        """Ask for all texts.

        Args:
            model: what ``load`` returned.
            data: one text, a list of them, or a table of one column.

        Returns:
            For each text what the pipeline answers, as plain Python. Of a :class:`Pair` the
            logits, ``(texts, ...)``, of texts padded to one length.

        Raises:
            InvalidFeaturesError: something else than texts.
        """
        texts = as_texts(data)
        if isinstance(model, Pair):
            return _logits(model, texts) if texts else []
        return self._ask(model, texts, **self.arguments)

    def signature(self, model: Any) -> Signature:
        """The classes, where the model has some."""
        labels = getattr(getattr(model.model, "config", None), "id2label", None)
        is_classifier = getattr(model, "task", None) == _CLASSIFICATION
        classes = (
            tuple(labels[each] for each in sorted(labels)) if labels and is_classifier else None
        )
        return Signature(objective=getattr(model, "task", None), classes=classes)

    def outputs(self, model: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """``label`` and ``proba`` of a classifier of texts."""
        found: dict[str, Callable[[Any, Any], Any]] = {"value": self.predict}
        if getattr(model, "task", None) == _CLASSIFICATION:
            found |= {"label": self._label, "proba": self._proba}
        return found

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a pipeline, or a model and its tokenizer, as safetensors and JSON.

        Returns:
            The folder: the declared one, else ``model``.
        """
        path = place(model_dir, self.file, _FOLDER)
        model.model.save_pretrained(path)
        model.tokenizer.save_pretrained(path)
        return path

    def _ask(self, pipeline: Any, texts: list[str], **arguments: Any) -> list[Any]:
        if not texts:  # of which pipelines fail
            return []
        found = pipeline(list(texts), **{**_ALWAYS.get(pipeline.task, {}), **arguments})
        if len(texts) == 1 and pipeline.task == "fill-mask" and isinstance(found[0], dict):
            found = [found]  # of one text it drops the list around it
        return [_plain(each) for each in found]

    def _label(self, pipeline: Any, data: Any) -> list[str]:
        found = self._ask(pipeline, as_texts(data), top_k=None)
        return [max(scores, key=lambda each: each["score"])["label"] for scores in found]

    def _proba(self, pipeline: Any, data: Any) -> Any:
        import numpy as np

        labels = pipeline.model.config.id2label
        order = [labels[each] for each in sorted(labels)]
        rows: list[list[float]] = []
        for found in self._ask(pipeline, as_texts(data), top_k=None):
            scores = {each["label"]: each["score"] for each in found}
            rows.append([scores[label] for label in order])
        return np.array(rows).reshape(len(rows), len(order))


def _plain(value: Any) -> Any:
    """The same with numbers of Python's own, which every serializer can write."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value


def _logits(pair: Pair, texts: list[str]) -> Any:
    torch = require("torch", extra="transformers")
    padding = pair.tokenizer.pad_token is not None
    tokens = pair.tokenizer(texts, return_tensors="pt", padding=padding, truncation=True)
    with torch.inference_mode():
        found = pair.model(**tokens.to(pair.model.device))
    return found[0].float().cpu().numpy()


def _read_config(path: Path) -> dict[str, Any]:
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


def _task_of(path: Path, config: Mapping[str, Any]) -> str:
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


def _auto_class(transformers: Any, task: str | None) -> str:
    known: Any = transformers.pipelines.PIPELINE_REGISTRY.supported_tasks
    aliases: Any = transformers.pipelines.PIPELINE_REGISTRY.task_aliases
    task = aliases.get(task, task)
    if task not in known:
        raise ModelLoadError(
            f"transformers {transformers.__version__} has no pipeline for the task {task!r}; it has"
            f" {', '.join(sorted(known))}"
        )
    return str(known[task]["pt"][0].__name__)


def _read_model(path: Path, class_name: str) -> Any:
    transformers = require("transformers", extra="transformers")
    cls = getattr(transformers, class_name, None)
    if cls is None:
        raise ModelLoadError(f"transformers {transformers.__version__} has no class {class_name!r}")
    model, told = _read(cls, path, use_safetensors=True, output_loading_info=True)
    missing = sorted(told["missing_keys"])
    if missing:
        raise ModelLoadError(
            f"{path} has no weights for {', '.join(missing[:5])} of {type(model).__name__}, which"
            " would be drawn at random: save the model that was trained for this task"
        )
    return model


def _read(cls: Any, path: Path, **options: Any) -> Any:
    try:
        return cls.from_pretrained(
            str(path), local_files_only=True, trust_remote_code=False, **options
        )
    except Exception as error:  # each model and tokenizer fails in ways of its own
        reason = str(error).strip().partition("\n")[0]
        raise ModelLoadError(f"{path} cannot be read as {cls.__name__}: {reason}") from error
