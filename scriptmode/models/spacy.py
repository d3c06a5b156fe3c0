"""spaCy: pipelines as folders."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import ModelLoadError
from scriptmode.models.artifacts import place
from scriptmode.models.base import Signature
from scriptmode.models.stored import Stored
from scriptmode.models.texts import as_texts
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_FOLDER = "pipeline"
_RELEASE = re.compile(r"\d+\.\d+[\w.]*")


@dataclass(frozen=True)
class Spacy(Stored):
    """Loads a pipeline, and answers what it finds in each text.

    Args:
        file: the folder; see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; the folder says which release wrote it.
    """

    name: ClassVar[str] = "spacy"
    library: ClassVar[Library] = Library("spacy", same_minor=True)
    forms: ClassVar[tuple[str, ...]] = ("spacy",)
    is_folder: ClassVar[bool] = True
    takes_text: ClassVar[bool] = True
    output_names: ClassVar[tuple[str, ...]] = ("value", "label", "proba")

    def load(self, model_dir: Path) -> Any:
        """Read the pipeline.

        Returns:
            ``spacy.language.Language``.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, or one of another release.
        """
        path = self._find(model_dir)
        spacy = require("spacy", extra="spacy")
        try:
            written = json.loads((path / "meta.json").read_bytes()).get("spacy_version", "")
        except (ValueError, AttributeError, RecursionError) as error:
            raise ModelLoadError(f"{path / 'meta.json'} cannot be read: {error}") from error
        if found := _RELEASE.search(str(written)):
            self.library.check(found[0], path, self.versions)
        try:
            return spacy.load(path)
        except Exception as error:  # each component fails in ways of its own
            reason = str(error).strip().partition("\n")[0]
            raise ModelLoadError(f"{path} cannot be read: {reason}") from error

    def predict(self, model: Any, data: Any) -> Any:
        """Ask for all texts.

        Args:
            model: what ``load`` returned.
            data: one text, a list of them, or a table of one column.

        Returns:
            For each text what the pipeline's components found: ``cats`` from a classifier of
            texts, ``ents`` from what recognises entities, ``tags`` from a tagger.

        Raises:
            InvalidFeaturesError: something else than texts.
        """
        return [_told(doc, model) for doc in model.pipe(as_texts(data))]

    def signature(self, model: Any) -> Signature:
        """The classes of its classifier of texts, where it has one."""
        classes = _classes(model)
        return Signature(classes=classes or None)

    def outputs(self, model: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """``label`` and ``proba`` of a classifier of texts."""
        found: dict[str, Callable[[Any, Any], Any]] = {"value": self.predict}
        if _classes(model):
            found |= {"label": _label, "proba": _proba}
        return found

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write the pipeline.

        Returns:
            The folder: the declared one, else ``pipeline``.
        """
        path = place(model_dir, self.file, _FOLDER)
        model.to_disk(path)
        return path


def _classes(model: Any) -> tuple[str, ...]:
    kinds = ("textcat", "textcat_multilabel")
    return next((tuple(model.get_pipe(k).labels) for k in kinds if k in model.pipe_names), ())


def _told(doc: Any, model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if doc.cats:
        found["cats"] = dict(doc.cats)
    if doc.has_annotation("ENT_IOB"):
        found["ents"] = [
            {"text": ent.text, "label": ent.label_, "start": ent.start_char, "end": ent.end_char}
            for ent in doc.ents
        ]
    if "tagger" in model.pipe_names:
        found["tags"] = [token.tag_ for token in doc]
    return found


def _label(model: Any, data: Any) -> list[str]:
    return [max(doc.cats, key=doc.cats.__getitem__) for doc in model.pipe(as_texts(data))]


def _proba(model: Any, data: Any) -> Any:
    import numpy as np

    classes = _classes(model)
    return np.array([[doc.cats[each] for each in classes] for doc in model.pipe(as_texts(data))])
