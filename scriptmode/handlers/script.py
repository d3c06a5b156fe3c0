"""Importing an entry script from a file, as serving stacks do."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scriptmode.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

_PREFIX = "_script_"


def import_script(path: str | Path) -> ModuleType:
    """Import a script under a name of its own, with its folder on the module search path.

    The name is derived from the whole path, so that scripts of equal name in one process do not
    meet; modules that they import from their own folders do meet, by their plain names. As in
    the serving stacks that folder comes first, so a file in it called ``xgboost.py`` hides the
    library from whoever imports it later. Importing the same script again executes it again.

    Args:
        path: the script; its main guard does not run.

    Raises:
        DeclarationError: there is no such file, or it is no Python file.
    """
    path = Path(path).resolve()
    name = f"{_PREFIX}{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DeclarationError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module  # dataclasses and pickle look their classes' module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def own_imports(folder: Path) -> Generator[None]:
    """Keep what is imported from a folder within the block from meeting modules of equal name.

    For processes that serve several scripts, each with helpers of its own. What a script imports
    from its folder only later is not found.

    Args:
        folder: of the script.
    """
    path = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        forget_imports(folder)


def forget_imports(folder: Path) -> None:
    """Let what was imported from a folder be imported anew; scripts themselves are so anyway.

    Args:
        folder: of a script.
    """
    folder = folder.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        is_own = file is not None and folder in Path(file).resolve().parents
        if is_own and not name.startswith(_PREFIX):
            del sys.modules[name]
