"""Whether a model folder is what was saved, and answers as it did then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scriptmode.handlers.endpoint import Endpoint
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import import_script

if TYPE_CHECKING:
    from types import ModuleType


def check(script: str | Path | ModuleType | Handler, model_dir: str | Path) -> int:
    """Load a model through a script, and ask for the golden sample of its manifest again.

    Args:
        script: an entry script's path, the module, or its functions.
        model_dir: the folder that ``Handler.save`` wrote, with a sample.

    Returns:
        How many rows were answered alike.

    Raises:
        DeclarationError: the script is wrong.
        ModelLoadError: there is no manifest or sample, a file is missing or was changed, another
            release wrote it, or some row is answered otherwise; says what, expected and found.
    """
    if isinstance(script, (str, Path)):
        script = import_script(script)
    return Endpoint(Handler.of(script)).check(str(model_dir))
