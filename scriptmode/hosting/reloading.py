"""A server that follows its script while that is being written."""

from __future__ import annotations

import ast
import importlib.util
import logging
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from scriptmode._files import visible_files
from scriptmode.handlers.endpoint import Endpoint
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import forget_imports, import_script
from scriptmode.hosting.hosted import Hosted
from scriptmode.hosting.single import SingleModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.settings import Settings

_LOG = logging.getLogger("scriptmode")
_PAUSE = 0.25  # seconds between two looks at the files
_GRACE = 1.0  # seconds for which an old script may still be asked
_NOT_LOADING = ("input_fn", "predict_fn", "output_fn")

Seen: TypeAlias = dict[Path, tuple[int, int]]


class ReloadingModel(SingleModel):
    """One script and one model, anew whenever a file of theirs changes.

    The model is kept where nothing changed that it was loaded by: its files, and of a composed
    script the loader and the checks that are declared; of one by hand, all but its other functions.

    Args:
        script: the entry script.
        model_dir: the folder that holds the artefact.
        settings: of the server.

    Raises:
        DeclarationError: the script is wrong already.
    """

    def __init__(self, script: str | Path, model_dir: str, settings: Settings) -> None:
        self._script, self._model_dir = Path(script).resolve(), Path(model_dir)
        self._settings, self._known = settings, {self._script}
        super().__init__(self._hosted(self._import()))
        self._loaded_by = self._loading_part(self.hosted.endpoint)
        self._ended = Event()
        self._old: list[tuple[float, Hosted]] = []

    def start(self, meter: Meter) -> None:
        """Load the model, and begin to follow the files."""
        seen = self._code(), self._artefact()
        self.hosted.load()
        meter.loaded(self.hosted.seconds)
        Thread(target=self._follow, args=seen, name="reloading", daemon=True).start()

    def stop(self) -> None:
        """Answer nothing more, and follow no files."""
        self._ended.set()
        super().stop()

    def _follow(self, code: Seen, artefact: Seen) -> None:
        while not self._ended.wait(_PAUSE):
            self._close_old()
            found, files = self._code(), self._artefact()
            if (found, files) != (code, artefact):
                self._reload(keeps=files == artefact)
                # What was written meanwhile is still to come; what is imported now is new.
                code = {path: found.get(path, seen) for path, seen in self._code().items()}
                artefact = files

    def _reload(self, *, keeps: bool) -> None:
        old = self.hosted
        try:
            endpoint = self._import()
            loaded_by = self._loading_part(endpoint)
        except BaseException as error:  # noqa: BLE001 - a script may raise anything, or exit
            _LOG.exception("%s cannot be imported", self._script)
            old.not_ready = f"the script cannot be imported: {type(error).__name__}: {error}"
            self._loaded_by = None
            return
        hosted = self._hosted(endpoint)
        is_kept = keeps and loaded_by is not None and loaded_by == self._loaded_by
        hosted.load(old.endpoint.model if is_kept else None)
        self._loaded_by = None if hosted.failure is not None else loaded_by
        self.hosted = hosted
        _LOG.info("%s is served anew%s", self._script, ", with its model" if is_kept else "")
        self._old.append((time.monotonic() + _GRACE, old))

    def _close_old(self) -> None:
        """End those that have answered what they were asked; requests may just be on their way."""
        now = time.monotonic()
        for entry in [each for each in self._old if each[0] < now and not each[1].is_busy]:
            self._old.remove(entry)
            entry[1].close()

    def _import(self) -> Endpoint:
        for path in self._modules():
            Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
        forget_imports(self._script.parent)
        return Endpoint(Handler.of(import_script(self._script)))

    def _hosted(self, endpoint: Endpoint) -> Hosted:
        return Hosted(endpoint, str(self._model_dir), self._settings)

    def _loading_part(self, endpoint: Endpoint) -> Any:
        """What a model was loaded by, to be compared."""
        if endpoint.inference is not None and endpoint.is_composed:
            composition = endpoint.handler.composition()
            return composition.inference.loader, composition.checks
        tree = ast.parse(self._script.read_bytes())
        tree.body = [each for each in tree.body if getattr(each, "name", None) not in _NOT_LOADING]
        helpers = {path: seen for path, seen in self._code().items() if path != self._script}
        return ast.dump(tree), helpers

    def _code(self) -> Seen:
        return _seen(self._modules())

    def _artefact(self) -> Seen:
        return _seen(visible_files(self._model_dir)) if self._model_dir.is_dir() else {}

    def _modules(self) -> list[Path]:
        """The script, and what it imports from its own folder."""
        modules = list(sys.modules.values())
        found = {Path(getattr(each, "__file__", None) or "").resolve() for each in modules}
        self._known |= {path for path in found if self._script.parent in path.parents}
        return sorted(self._known)  # also those that cannot be imported just now


def _seen(paths: Iterable[Path]) -> Seen:
    found: Seen = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # while it is being replaced
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found
