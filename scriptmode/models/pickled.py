"""What a pickle refers to, read off its opcodes: nothing is built, imported or executed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode.models.booster_release import written_by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_LONGEST = 2**32  # bytes of what was compressed
_MOST_STEPS = 50_000_000
_MOST_CLASSES = 10_000
_LONGEST_TUPLE = 64
_SHORTEST_BOOSTER = 100
_RELEASE = re.compile(r"\d+\.\d+[\w.+-]*")
_DTYPE = re.compile(r"[<>|=]?([biufcSVUmM?])(\d{1,9})?")
_MARK = object()
_OPCODES = {each.code.encode("latin-1"): each for each in pickletools.opcodes}
_PLUMBING = ("copyreg", "copy_reg", "builtins", "__builtin__", "joblib", "numpy", "_codecs")


class Contents(NamedTuple):
    """What a pickle refers to.

    Args:
        classes: classes and functions with their modules, in the order in which they stand there.
        releases: what wrote it, where it says so: ``sklearn``, ``xgboost``.
        is_whole: whether everything could be followed.
    """

    classes: tuple[str, ...]
    releases: dict[str, str]
    is_whole: bool

    @property
    def root(self) -> str:
        """The class of the object itself, where it can be told; else an empty text."""
        return next((each for each in self.classes if not each.startswith(_PLUMBING)), "")


def inspect_pickle(path: Path) -> Contents:
    """What a pickle or joblib file refers to; see :func:`inspect_stream`."""
    try:
        stream = io.BytesIO(_unfold(path))
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return Contents((), {}, is_whole=False)
    return inspect_stream(stream)


def inspect_stream(stream: io.BytesIO) -> Contents:
    """What a pickle refers to; of a damaged one, what was found until then."""
    walk = _Walk()
    try:
        walk.run(stream)
    except Exception:  # noqa: BLE001 - a damaged file can fail anywhere in pickletools
        return Contents(tuple(walk.classes), walk.releases, is_whole=False)
    return Contents(tuple(walk.classes), walk.releases, is_whole=True)


def _unfold(path: Path) -> bytes:
    """The pickle inside of what joblib compressed."""
    with path.open("rb") as stream:
        head = stream.read(6)
        stream.seek(0)
        if head[:1] == b"x":
            return zlib.decompressobj().decompress(stream.read(), _LONGEST)
        opener: Any = None
        if head.startswith(b"\x1f\x8b"):
            opener = gzip.open
        elif head.startswith(b"BZh"):
            opener = bz2.open
        elif head.startswith((b"\xfd7zXZ", b"]\x00\x00")):
            opener = lzma.open
        if opener is None:
            return stream.read()
        with opener(stream) as unfolded:
            found: bytes = unfolded.read(_LONGEST)
            return found


class _Global(str):
    """A class or function, by its full name."""

    __slots__ = ()


class _Array:
    """A description of the array that joblib writes behind it."""

    state: dict[str, Any]

    def __init__(self) -> None:
        self.state = {}


class _Dtype:
    def __init__(self, spelling: str) -> None:
        found = _DTYPE.fullmatch(spelling)
        self.size: int | None = None
        if found:
            self.size = int(found[2] or 1) * (4 if found[1] == "U" else 1)
        self.holds_objects = spelling.startswith(("O", "|O"))


class _Walk:
    """A pickle machine that keeps short text, numbers, names, and tuples of them; else None."""

    def __init__(self) -> None:
        self.classes: dict[str, None] = {}
        self.releases: dict[str, str] = {}
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._array: _Array | None = None
        self._steps = 0
        self._special: dict[str, Callable[[Any, Any], None]] = {
            "BUILD": self._build,
            "GLOBAL": lambda arg, _: self._name(*arg.split(" ", 1)),
            "MARK": lambda *_: self._stack.append(_MARK),
            "MEMOIZE": lambda *_: self._memo.update({len(self._memo): self._stack[-1]}),
            "NEWOBJ": self._make,
            "REDUCE": self._make,
            "SETITEM": self._set_item,
            "SETITEMS": self._set_items,
            "STACK_GLOBAL": lambda *_: self._name(*reversed((self._pop(), self._pop()))),
        }

    def run(self, stream: io.BytesIO) -> None:
        """Follow one pickle to its end, which is where the stream is left."""
        while (op := _OPCODES[stream.read(1)]).name != "STOP":
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise ValueError("too many opcodes")
            arg: Any = op.arg.reader(stream) if op.arg is not None else None
            if special := self._special.get(op.name):
                special(arg, stream)
            elif op.name.endswith("PUT"):
                self._memo[int(arg)] = self._stack[-1]
            elif op.name.endswith("GET"):
                self._stack.append(self._memo.get(int(arg)))
            elif op.name.startswith("TUPLE") or op.name == "EMPTY_TUPLE":
                self._stack.append(_short(self._taken(op)))
            else:
                self._taken(op)
                self._stack += [self._kept(arg)] * len(op.stack_after)

    def _pop(self) -> Any:
        return self._stack.pop()

    def _taken(self, op: pickletools.OpcodeInfo) -> list[Any]:
        """What an opcode takes off the stack."""
        if pickletools.markobject not in op.stack_before:
            count = len(op.stack_before)
            taken = self._stack[len(self._stack) - count :]
            del self._stack[len(self._stack) - count :]
            return taken
        taken = []
        while (item := self._pop()) is not _MARK:
            taken.append(item)
        for _ in range(op.stack_before.index(pickletools.markobject)):
            self._pop()
        return taken[::-1]

    def _kept(self, arg: Any) -> Any:
        if isinstance(arg, (bytes, bytearray, str)) and len(arg) > _SHORTEST_BOOSTER:
            raw = arg.encode("latin-1", "ignore") if isinstance(arg, str) else bytes(arg)
            if raw[:1] in (b"{", b"b", b"C") and (written := written_by(raw)):
                self.releases.setdefault("xgboost", written)
            return None
        return arg if isinstance(arg, (str, int, bytes)) else None

    def _name(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("a name that is computed")
        found = _Global(f"{module}.{name}")
        if len(self.classes) < _MOST_CLASSES:
            self.classes.setdefault(found)
        self._stack.append(found)

    def _make(self, arg: Any, stream: Any) -> None:
        arguments, called = self._pop(), self._pop()
        made: Any = None
        if isinstance(called, _Global) and called.endswith(".NumpyArrayWrapper"):
            made = self._array = _Array()
        elif called == "numpy.dtype" and isinstance(arguments, tuple) and arguments:
            made = _Dtype(arguments[0] if isinstance(arguments[0], str) else "")
        self._stack.append(made)

    def _set_item(self, arg: Any, stream: Any) -> None:
        value, key = self._pop(), self._pop()
        self._learn([key, value])

    def _set_items(self, arg: Any, stream: Any) -> None:
        items: list[Any] = []
        while (item := self._pop()) is not _MARK:
            items.append(item)
        self._learn(items[::-1])

    def _learn(self, items: list[Any]) -> None:
        """What is said of an object under a name that matters."""
        pairs = zip(items[::2], items[1::2], strict=False)
        described = {key: value for key, value in pairs if isinstance(key, str)}
        written = described.get("_sklearn_version")
        if isinstance(written, str) and _RELEASE.fullmatch(written):
            self.releases.setdefault("sklearn", written)
        if self._array is not None and "shape" in described and "dtype" in described:
            self._array.state = described

    def _build(self, arg: Any, stream: Any) -> None:
        """Set an object's state; behind that of an array, joblib writes its cells."""
        state = self._pop()
        subject = self._stack[-1]
        if isinstance(subject, _Dtype) and isinstance(state, tuple):
            _describe(subject, state)
        elif isinstance(subject, _Array):
            self._array = None
            self._skip(subject, stream)

    def _skip(self, array: _Array, stream: io.BytesIO) -> None:
        dtype, shape = array.state["dtype"], array.state["shape"]
        if dtype.holds_objects:  # these are a pickle of their own
            inner = _Walk()
            inner.classes, inner.releases, inner._steps = self.classes, self.releases, self._steps
            inner.run(stream)
            return
        count: int = dtype.size
        for side in shape:
            count *= int(side)
        if array.state.get("numpy_array_alignment_bytes"):
            stream.seek(stream.read(1)[0], io.SEEK_CUR)
        stream.seek(count, io.SEEK_CUR)


def _short(items: Sequence[Any]) -> tuple[Any, ...] | None:
    """A tuple of plain things; depth and length are bounded, for a file may nest at will."""
    is_plain = len(items) <= _LONGEST_TUPLE and not any(
        isinstance(item, tuple) and any(isinstance(each, tuple) for each in item) for item in items
    )
    return tuple(items) if is_plain else None


def _describe(dtype: _Dtype, state: tuple[Any, ...]) -> None:
    """What ``numpy.dtype.__setstate__`` takes: the size is sixth, flags are eighth."""
    if len(state) > 5 and isinstance(state[5], int) and state[5] >= 0:  # noqa: PLR2004
        dtype.size = state[5]
    if len(state) > 7 and isinstance(state[7], int):  # noqa: PLR2004
        dtype.holds_objects = dtype.holds_objects or bool(state[7] & 1)
