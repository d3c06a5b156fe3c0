"""Which file or folder of a model folder is the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, ModelLoadError
from scriptmode.models.base import MANIFEST
from scriptmode.models.looks import WORDS, LooksLike, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NO_MODELS = ("code", "__pycache__", MANIFEST)  # the first is where serving stacks keep the script
_MOST_LISTED = 20


def find_artifact(
    model_dir: Path, file: str | None, *recognisers: Callable[[Path], bool], folders: bool = False
) -> Path:
    """The one model of a folder: the declared one, the manifest's, or the only one there is.

    Args:
        model_dir: the folder that the host unpacked the model into.
        file: the declared name or glob, or None to look for the only one that is recognised.
        recognisers: whether something may be a model of the framework, such as
            :class:`scriptmode.models.looks.LooksLike`; each further one is asked only where those
            before it recognise nothing.
        folders: whether a model may be a folder; then it may be ``model_dir`` itself.

    Raises:
        ModelLoadError: no such model, more than one, or one that is damaged or looks like another
            framework's; says what the folder holds, and what each of it looks like.
    """
    require_folder(model_dir)
    if file is not None:
        return _declared(model_dir, file, recognisers, folders=folders)
    found: list[Path] = []
    for recognise in recognisers:
        found = found or _candidates(model_dir, recognise, folders=folders)
    if len(found) > 1:
        found = _vouched_for(model_dir, found) or found
    if len(found) == 1:
        return _refuse_damaged(found[0])
    what = "files or folders" if folders else "files"
    known = [form for each in recognisers for form in getattr(each, "forms", ())]
    raise ModelLoadError(
        f"{len(found) or 'no'} {what} in {model_dir} could be the model{listing(model_dir)};"
        f" expected {_told(known)}, or declare file=..."
    )


def require_folder(model_dir: Path) -> None:
    """Refuse what is no folder.

    Raises:
        ModelLoadError: it is not there; or it is a file, and what it looks like.
    """
    if model_dir.is_file():
        seen = look(model_dir).words
        raise ModelLoadError(f"{model_dir} is a file ({seen}); expected the folder of the model")
    if not model_dir.is_dir():
        raise ModelLoadError(f"the model folder {model_dir} does not exist")


def match(model_dir: Path, pattern: str) -> list[Path]:
    """The files and folders that a declared name stands for, sorted.

    Args:
        model_dir: where to look.
        pattern: a name or a path below the folder; or a glob, which never finds hidden ones.
    """
    _refuse_outside(pattern)
    if (model_dir / pattern).exists():
        return [model_dir / pattern]
    if not _is_glob(pattern):
        return []
    found = (path for path in model_dir.glob(pattern) if path.name[0] != ".")
    return sorted(found)


def place(model_dir: Path, file: str | None, default: str) -> Path:
    """Where an artefact is written: under the declared name, else under the framework's own.

    Raises:
        DeclarationError: what is declared is a glob, which names no one file.
    """
    _refuse_outside(file or default)
    if file is not None and _is_glob(file):
        raise DeclarationError(f"{file!r} is a pattern: to write, declare the name of a file")
    path = Path(model_dir) / (file or default)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def listing(model_dir: Path) -> str:
    """What a folder holds, and what each of it looks like, to end a message with."""
    found = [
        path
        for path in sorted(model_dir.iterdir())
        if path.name != MANIFEST and path.name[0] != "."
    ]
    if not found:
        return "; it holds nothing"
    shown = [f"{path.name} ({look(path).words})" for path in found[:_MOST_LISTED]]
    more = len(found) - len(shown)
    return f"; it holds {', '.join(shown)}" + (f" and {more} more" if more else "")


def _declared(
    model_dir: Path, file: str, recognisers: Sequence[Callable[[Path], bool]], *, folders: bool
) -> Path:
    found = [path for path in match(model_dir, file) if folders or path.is_file()]
    if len(found) != 1:
        problem = f"{len(found)} of" if found else "no file"
        raise ModelLoadError(f"{problem} {file!r} in {model_dir}{listing(model_dir)}")
    _refuse_damaged(found[0])
    forms = [each.forms for each in recognisers if isinstance(each, LooksLike)]
    seen = look(found[0])
    known = [form for each in forms for form in each]
    # Of a file that looks like nothing the framework's own library says what it is.
    is_told = seen.form is not None or folders
    if is_told and len(forms) == len(recognisers) and seen.form not in known:
        raise ModelLoadError(f"{found[0]} looks like {seen.words}; expected {_told(known)}")
    return found[0]


def _told(forms: Sequence[str]) -> str:
    words = [WORDS[each] for each in dict.fromkeys(forms) if each in WORDS]
    return ", ".join(words) or "a file that is declared"


def _candidates(model_dir: Path, recognise: Callable[[Path], bool], *, folders: bool) -> list[Path]:
    if folders and recognise(model_dir):
        return [model_dir]
    return [
        path
        for path in sorted(model_dir.iterdir())
        if path.name[0] != "."
        and path.name not in _NO_MODELS
        and (folders or path.is_file())
        and recognise(path)
    ]


def _vouched_for(model_dir: Path, found: Sequence[Path]) -> list[Path]:
    """Those that a manifest lists, of this folder or, for a part of a bundle, of that around it."""
    for folder in (model_dir, model_dir.absolute().parent):
        listed = {(folder / name).resolve() for name in _listed(folder / MANIFEST)}
        if listed:
            return [
                path
                for path in found
                if any(path.resolve() in (each, *each.parents) for each in listed)
            ]
    return []


def _listed(manifest: Path) -> Iterator[str]:
    """The files of a manifest; whether it is a sound one is told where it is checked."""
    try:
        artifacts: Any = json.loads(manifest.read_bytes())["artifacts"]
        yield from [str(file) for each in artifacts.values() for file in each["files"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return


def _refuse_damaged(path: Path) -> Path:
    """The path, unless it cannot be a model: xgboost 3.2 aborts the process on an empty one."""
    found = look(path)
    if not found.is_whole:
        raise ModelLoadError(f"{path} is {found.words}")
    return path


def _refuse_outside(file: Any) -> None:
    parts = Path(file).parts if isinstance(file, str) else ("..",)
    if ".." in parts or Path(str(file)).is_absolute():
        raise DeclarationError(f"file={file!r}: name a file of the model folder")


def _is_glob(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")
