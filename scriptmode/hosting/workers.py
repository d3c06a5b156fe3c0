"""Several processes that answer at one address.

The parent loads the model, where a process may be forked after that, so that all share one; it
replaces those that die. Until every worker is ready, a process of its own answers at the address,
and says why nothing can be answered yet.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from scriptmode.errors import DeclarationError
from scriptmode.hosting.board import Board
from scriptmode.hosting.memory import machine_memory, memory_in_use, settle
from scriptmode.hosting.metrics import Meter

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from scriptmode.hosting.hosted import Hosted
    from scriptmode.hosting.settings import Settings

_LOG = logging.getLogger("scriptmode")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STOPPING = 25.0  # seconds; SageMaker kills 30 s after SIGTERM
_TICK = 1.0  # seconds between two looks at the workers
_PATIENCE = 10.0  # seconds, beside twice what a request may take
_SHORT_LIFE = 5.0  # seconds, below which another start is put off
_LONGEST_PAUSE = 30.0
_MOMENT = 0.02  # seconds
_CANNOT_LOAD = 3  # the exit status of such a worker
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class Workers:
    """The parent of the processes that answer.

    Args:
        hosted: the script, its model not loaded yet.
        settings: of the server.
        listening: where requests come to; closed at the end.
        wait: runs in a process of its own until the workers are ready; answers why they are not.
        work: runs in each worker, with its part of the meter and what shows that it works.

    Raises:
        DeclarationError: this system has no forks.
    """

    def __init__(
        self,
        hosted: Hosted,
        settings: Settings,
        listening: socket.socket,
        wait: Callable[[Board], None],
        work: Callable[[Meter, Callable[[], None]], None],
    ) -> None:
        if not hasattr(os, "fork"):
            raise DeclarationError("workers > 1: this system has no forks; start several servers")
        self._hosted, self._count, self._wait, self._work = hosted, settings.workers, wait, work
        self._listening = listening
        self._patience = _PATIENCE + 2 * settings.timeout
        self._meter, self._board = Meter(self._count), Board(self._count)
        self._gate = os.pipe()
        self._is_open = False
        self._places: dict[int, int] = {}
        self._started: dict[int, float] = {}
        self._pauses = [0.0] * self._count
        self._due: dict[int, float] = {}
        self._lobby: int | None = None

    def run(self) -> None:
        """Have requests answered until the process is told to stop."""
        for each in _SIGNALS:  # while the model is loaded; a script may swallow what is raised
            signal.signal(each, lambda *_: self._end_now())
        self._lobby = self._fork(self._wait_for_workers)
        try:
            if self._load():
                for place in range(self._count):
                    self._start(place)
            self._supervise()
        finally:
            self._stop()

    def _load(self) -> bool:
        """Load the model where workers can share it; whether they may start."""
        if not self._hosted.is_fork_safe:
            return True
        self._hosted.load()
        if self._hosted.not_ready is not None:
            self._board.reason = self._hosted.not_ready
            return False
        settle()
        return True

    def _supervise(self) -> None:
        handled = {*_SIGNALS, signal.SIGCHLD}
        signal.pthread_sigmask(signal.SIG_BLOCK, handled)
        while True:
            told = signal.sigtimedwait(handled, _TICK if self._is_settled() else _TICK / 20)
            if told is not None and told.si_signo in _SIGNALS:
                return
            self._bury()
            self._end_silent()
            self._open_gate()
            self._replace()

    def _is_settled(self) -> bool:
        return self._lobby is None and not self._due

    def _open_gate(self) -> None:
        """Once all are ready, let them answer instead of the process that waits."""
        if self._lobby is not None and self._board.are_ready:
            _end(self._lobby, signal.SIGTERM)
            while _is_alive(self._lobby):
                time.sleep(_MOMENT)
            self._lobby = None
            for place in self._places.values():  # they were waiting for this
                self._board.beat(place)
            os.close(self._gate[1])
            self._is_open = True
            _LOG.info("%d workers are ready", self._count)

    def _bury(self) -> None:
        """Take note of the processes that have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            place = self._places.pop(pid, None)
            if pid == self._lobby:
                self._lobby = self._fork(self._wait_for_workers)
            if place is not None:
                self._board.forget(place)
                self._note_end(place, os.waitstatus_to_exitcode(status), self._started.pop(pid))

    def _note_end(self, place: int, code: int, started: float) -> None:
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        if code == _CANNOT_LOAD and self._lobby is not None:
            _LOG.error("worker %d could not load the model; nothing is answered", place)
            return
        is_short = time.monotonic() - started < _SHORT_LIFE
        pause = min(max(1.0, self._pauses[place] * 2), _LONGEST_PAUSE) if is_short else 0.0
        self._pauses[place] = pause
        self._due[place] = time.monotonic() + pause
        _LOG.error("worker %d ended %s; another takes its place in %g s", place, how, pause)

    def _end_silent(self) -> None:
        """End workers that are at one request for too long, or wait for what never comes."""
        if not self._is_open:
            return
        for pid, place in self._places.items():
            if self._board.silence(place) > self._patience:
                _LOG.error("worker %d has not answered for %g s", place, self._patience)
                self._board.forget(place)
                _end(pid, signal.SIGKILL)

    def _replace(self) -> None:
        now = time.monotonic()
        for place in [place for place, due in self._due.items() if due <= now]:
            del self._due[place]
            self._start(place)

    def _start(self, place: int) -> None:
        pid = self._fork(lambda: self._be_worker(place))
        self._places[pid], self._started[pid] = place, time.monotonic()

    def _fork(self, run: Callable[[], None]) -> int:
        parent = os.getpid()
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            _end_with(parent)
            run()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:  # noqa: BLE001 - the parent is told by the status
            _LOG.exception("a process of the server failed")
        finally:
            logging.shutdown()
            os._exit(code)

    def _wait_for_workers(self) -> None:
        self._wait(self._board)

    def _be_worker(self, place: int) -> None:
        if not self._is_open:
            os.close(self._gate[1])
        hosted = self._hosted
        if hosted.not_ready is not None:
            hosted.load()
            self._warn_of_memory()
        if hosted.not_ready is not None:
            self._board.reason = hosted.not_ready
            sys.exit(_CANNOT_LOAD)
        self._board.beat(place)
        os.read(self._gate[0], 1)  # ends where the parent closes the other end
        meter = self._meter.of(place)
        meter.under_way(0)  # of a worker that was here before
        self._work(meter, lambda: self._board.beat(place))

    def _warn_of_memory(self) -> None:
        """Each worker has a model of its own: together they may have more than there is."""
        wanted, there = memory_in_use() * self._count, machine_memory()
        if there is not None and wanted > there:
            sizes = wanted / 2**20, there / 2**20
            _LOG.warning("the workers will need some %.0f MB, and there are %.0f MB", *sizes)

    def _stop(self) -> None:
        """End all processes, by force where they take too long."""
        self._listening.close()  # else the system goes on accepting what nobody answers
        pids = [*self._places, *([] if self._lobby is None else [self._lobby])]
        for pid in pids:
            _end(pid, signal.SIGTERM)
        ends = time.monotonic() + _STOPPING
        while pids and time.monotonic() < ends:
            pids = [pid for pid in pids if _is_alive(pid)]
            time.sleep(_MOMENT)
        for pid in pids:
            _end(pid, signal.SIGKILL)

    def _end_now(self) -> None:
        self._stop()
        os._exit(0)


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent is gone, where it can."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return
    prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _end(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


def _is_alive(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False
