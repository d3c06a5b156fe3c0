"""What must hold of every decoder, whatever the body.

- Nothing but ``RequestError`` leaves a decoder.
- What is decoded is a neutral value, of at most ``ratio`` bytes for each of the body (and the
  format's own limit, where it unpacks).
- It takes at most two seconds of the processor.
- The fast and the careful road give the same bits, or both refuse.
- What was decoded can be written, or is refused as not acceptable, and reads back equal.

The memory that decoding takes is looked at in :mod:`benchmarks.fuzzing.memory`.
"""

from __future__ import annotations

import signal
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.fuzzing.neutral import difference, flaw, size
from scriptmode.errors import NotAcceptableError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.fuzzing.target import Target

MOST_SECONDS = 2.0
LEAST = 4096
_ROOM = Path(__file__).parent.parent.parent / "scriptmode"


@dataclass(frozen=True)
class Finding:
    """An invariant that a body breaks.

    Args:
        target: the name of the target.
        invariant: which.
        detail: what was seen.
        signature: equal for what is probably one mistake.
        body: the mutated body; the target may wrap it.
        trace: of the exception, if there was one.
    """

    target: str
    invariant: str
    detail: str
    signature: str
    body: bytes
    trace: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a body: a finding, or what tells it from other bodies."""

    kind: str
    finding: Finding | None = None


def examine(target: Target, body: bytes) -> Outcome:
    """Decode a body and look at every invariant."""
    raw = target.wrap(body)
    started = time.process_time()
    found = read(target, raw)
    seconds = time.process_time() - started
    if isinstance(found, Exception) and not isinstance(found, RequestError):
        return Outcome("escape", _raised(target, body, "only RequestError", found))
    if seconds > MOST_SECONDS:
        return Outcome("slow", _slow(target, body, seconds))
    if isinstance(found, RequestError):
        outcome = Outcome(_kind_of(found))
    else:
        outcome = _look_at(target, body, raw, found)
    if outcome.finding is None and target.roads:
        return replace(outcome, finding=_roads_part(target, body, raw))
    return outcome


def limit_time() -> None:
    """Let decoding that does not end be interrupted, where Python is what runs."""

    def interrupt(_: int, __: object) -> None:
        raise TooSlowError

    signal.signal(signal.SIGPROF, interrupt)


class TooSlowError(BaseException):
    """The body takes twice what it may; not one that a decoder would catch."""


def read(target: Target, raw: bytes) -> Any:
    """A value, or the exception that refused the body, within twice the time that it may take."""
    signal.setitimer(signal.ITIMER_PROF, 2 * MOST_SECONDS)
    try:
        return target.read(raw)
    except TooSlowError:
        return RequestError("interrupted")
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _look_at(target: Target, body: bytes, raw: bytes, value: Any) -> Outcome:
    if problem := flaw(value):
        return Outcome("flaw", _found(target, body, "a neutral value", problem))
    taken = size(value)
    allowed = target.ratio * len(raw) + LEAST + target.limit * target.spread
    if taken > allowed:
        problem = f"a body of {len(raw)} bytes gives a value of {taken}; {allowed:.0f} are allowed"
        return Outcome("large", _found(target, body, "a value in proportion", problem))
    kind = f"{type(value).__name__} {getattr(value, 'dtype', '')} {taken.bit_length()}"
    return Outcome(kind, _not_read_back(target, body, value) if target.write else None)


def _not_read_back(target: Target, body: bytes, value: Any) -> Finding | None:
    assert target.write is not None
    if 0 in getattr(value, "shape", ()):
        return None  # without rows, most formats have no place for names and types
    try:
        written = target.write(value)
    except NotAcceptableError:
        return None
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return _raised(target, body, "what was read can be written", error)
    try:
        again = (target.again or target.read)(written)
    except Exception as error:  # noqa: BLE001 - a refusal is as wrong here
        return _raised(target, body, "what was written can be read", error)
    problem = difference(target.survives(again), target.survives(value))
    return _found(target, body, "what was written reads back equal", problem) if problem else None


def _roads_part(target: Target, body: bytes, raw: bytes) -> Finding | None:
    *fast, careful = (_outcome(road, raw) for road in target.roads)
    findings = (_between(target, body, found, careful) for found in fast)
    return next((finding for finding in findings if finding), None)


def _between(target: Target, body: bytes, fast: Any, careful: Any) -> Finding | None:
    if isinstance(fast, Exception) and isinstance(careful, Exception):
        return None
    if isinstance(fast, Exception):
        return _raised(target, body, "the fast road refuses alone", fast)
    if isinstance(careful, Exception):
        return _raised(target, body, "the careful road refuses alone", careful)
    problem = difference(fast, careful)
    return _found(target, body, "both roads agree", f"fast: {problem}") if problem else None


def _outcome(road: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return road(raw)
    except RequestError as error:
        return error


def _slow(target: Target, body: bytes, seconds: float) -> Finding:
    detail = f"a body of {len(target.wrap(body))} bytes took {seconds:.1f} s of the processor"
    return Finding(target.name, "two seconds", detail, f"{target.name}: slow", body)


def _found(target: Target, body: bytes, invariant: str, detail: str) -> Finding:
    words = "".join(letter for letter in detail if letter.isalpha() or letter == " ")[:60]
    signature = f"{target.name}: {invariant}: {words}"
    return Finding(target.name, invariant, detail, signature, body)


def _raised(target: Target, body: bytes, invariant: str, error: Exception) -> Finding:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_ROOM)]
    place = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "outside"
    detail = f"{type(error).__name__}: {error!s:.300}"
    signature = f"{target.name}: {invariant}: {type(error).__name__} in {place}"
    trace = "".join(traceback.format_exception(error)[-12:])
    return Finding(target.name, invariant, detail, signature, body, trace)


def _kind_of(error: RequestError) -> str:
    """The refusal without the numbers and names that a body chose."""
    words = [word for word in str(error).split()[:14] if word.isalpha()]
    return f"{type(error).__name__} {' '.join(words)}"
