"""One model that a server answers with, from the moment it is asked for to that it is gone."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

from scriptmode.handlers.endpoint import Request
from scriptmode.handlers.examples import example_bodies
from scriptmode.hosting.answering import Answering
from scriptmode.hosting.grouping import Answerer
from scriptmode.hosting.memory import memory_in_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptmode.handlers.endpoint import Endpoint
    from scriptmode.hosting.settings import Settings

_LOG = logging.getLogger("scriptmode")
_TIMES = 3  # the first request finds caches empty, and tells little of what others will take


class Hosted:
    """A script with its model, and the queue in front of it.

    Args:
        endpoint: the script's functions.
        model_dir: the folder that holds the artefact.
        settings: of the server.
        name: what the server calls the model, where it serves several.

    Attributes:
        not_ready: why nothing can be answered yet; None once it can.
        seconds: how long the model took to load; 0 until it has.
        failure: why it could not be loaded.
        under_way: how many requests it was given whose answers are not sent yet.
    """

    def __init__(
        self, endpoint: Endpoint, model_dir: str, settings: Settings, name: str | None = None
    ) -> None:
        self.endpoint, self.model_dir, self.name = endpoint, model_dir, name
        self._settings = settings
        self._answering: Answering | None = None
        self.not_ready: str | None = "the model is being loaded"
        self.seconds = 0.0
        self.failure: BaseException | None = None
        self.under_way = 0

    @property
    def answering(self) -> Answering:
        """The queue; only for a model that is ready."""
        assert self._answering is not None, self.not_ready  # noqa: S101 - callers look first
        return self._answering

    @property
    def is_stuck(self) -> bool:
        """Whether the model has been at a request for longer than any may take."""
        asked = self._answering
        return asked is not None and asked.spent > self._settings.timeout

    @property
    def is_fork_safe(self) -> bool:
        """Whether a process may be forked once the model is loaded."""
        inference = self.endpoint.inference
        if inference is None or not self.endpoint.is_composed:
            return False
        return getattr(inference.loader, "fork_safe", True)

    def load(self, model: Any = None) -> None:
        """Load the model and warm it up; a failure is kept as the reason, and logged.

        Args:
            model: one that was loaded before; None to load it.
        """
        started = perf_counter()
        try:
            if model is None:
                self.endpoint.load(self.model_dir)
            else:
                self.endpoint.adopt(model)
            self._answering = self._warm(self._queue())
        except BaseException as error:  # noqa: BLE001 - a script may raise anything, or exit
            _LOG.exception("the model of %s cannot be loaded", self.model_dir)
            self.not_ready = f"the model cannot be loaded: {type(error).__name__}"
            self.failure = error
            return
        self.seconds = perf_counter() - started
        self.not_ready = None
        if model is None:
            memory = memory_in_use() / 2**20
            told = self.model_dir, self.seconds, memory
            _LOG.info("the model of %s is loaded (%.2f s; the process has %.0f MB)", *told)

    def welcome(self) -> None:
        """Note that a connection was accepted, which others may wait to be."""
        if self._answering is not None and self._settings.workers == 1:
            self._answering.welcome()  # else other workers accept them meanwhile

    @property
    def is_busy(self) -> bool:
        """Whether requests wait or are being answered."""
        return self.under_way > 0 or (self._answering is not None and self._answering.is_busy)

    def close(self) -> None:
        """Answer nothing more."""
        if self._answering is not None:
            self._answering.close()

    def _queue(self) -> Answering:
        settings = self._settings
        return Answering(
            Answerer(self.endpoint, settings.batching),
            place=settings.place,
            wait=settings.batch_wait,
            most=settings.max_batch,
            is_parallel=_is_parallel(self.endpoint),
        )

    def _warm(self, answering: Answering) -> Answering:
        """Ask for examples, so that the first caller does not wait, and costs are known."""
        for request in _examples(self.endpoint):
            seconds = 0.0
            for _ in range(_TIMES):
                started = perf_counter()
                try:
                    self.endpoint.encode(self.endpoint.predict(request), request)
                except Exception as error:  # noqa: BLE001 - a guess need not please the script's hooks
                    _LOG.info("an example to warm up with was refused: %s", type(error).__name__)
                    break
                seconds = perf_counter() - started
            else:
                answering.learn(len(request.body), seconds)
        return answering


def _examples(endpoint: Endpoint) -> Iterator[Request]:
    """Requests that a composed script accepts."""
    inference = endpoint.inference
    decoders = endpoint.decoders
    if inference is None:
        return
    for decoder in decoders:
        for body in example_bodies(decoder, inference.columns(endpoint.model)):
            yield Request(body.encode(), decoder.media_types[0])


def _is_parallel(endpoint: Endpoint) -> bool:
    """Whether nothing but code that threads may share stands between a body and its answer."""
    inference = endpoint.inference
    if inference is None or inference.has_hooks or not endpoint.is_composed:
        return False
    return getattr(inference.loader, "thread_safe", True)
