"""Hugging Face transformers: pipelines by task, or a model of an explicit Auto class."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from scriptmode._imports import require
from scriptmode.errors import DeclarationError, InvalidFeaturesError
from scriptmode.models.artifacts import place
from scriptmode.models.base import Signature
from scriptmode.models.devices import check_device, torch_device
from scriptmode.models.forks import make_forks_safe
from scriptmode.models.stored import Stored
from scriptmode.models.texts import as_texts
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.torch_inputs import FAULTS
from scriptmode.models.transformers_files import (
    auto_class,
    read_config,
    read_model,
    read_part,
    task_of,
)
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FOLDER = "model"
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
        config = read_config(path)
        if written := config.get("transformers_version"):
            self.library.check(str(written), path, self.versions)
        transformers = require("transformers", extra="transformers")
        torch = require("torch", extra="transformers")
        torch.set_num_threads(threads_of(self.threads))
        make_forks_safe()
        task = None if self.auto else self.task or task_of(path, config)
        model = read_model(path, self.auto or auto_class(transformers, task))
        tokenizer = read_part(transformers.AutoTokenizer, path)
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
            with _faults_told(model, texts):
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
        with _faults_told(pipeline, texts):
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


@contextmanager
def _faults_told(asked: Any, texts: list[str]) -> Generator[None, None, None]:
    """What a model cannot take is the caller's mistake, such as more tokens than it has places."""
    try:
        yield
    except FAULTS as error:
        row, places = _too_long(asked, texts)
        if row is not None:
            raise InvalidFeaturesError(
                f"row {row} is too long: the model reads at most {places} tokens", row=row
            ) from error
        raise
    except Exception as error:
        if type(error).__name__ != "PipelineException":
            raise
        raise InvalidFeaturesError(f"the model cannot take these texts: {error}") from error


def _too_long(asked: Any, texts: list[str]) -> tuple[int | None, int]:
    """The first text of more tokens than the model has places."""
    places = getattr(asked.model.config, "max_position_embeddings", None) or 0
    if not places:
        return None, 0
    counts = (len(asked.tokenizer(text)["input_ids"]) for text in texts)
    return next((row for row, count in enumerate(counts, 1) if count > places), None), places


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
