"""Running the application on uvicorn, a well-kept ASGI server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scriptmode._imports import require
from scriptmode.handlers.endpoint import Endpoint
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import import_script
from scriptmode.hosting.app import MAX_BODY, App

if TYPE_CHECKING:
    from pathlib import Path


def serve(
    script: str | Path,
    model_dir: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    max_body: int = MAX_BODY,
) -> None:
    """Serve a script until the process is told to stop (SIGINT or SIGTERM).

    Args:
        script: the entry script, composed or hand-written.
        model_dir: the folder that holds the artefact.
        host: the address to listen on; only this machine reaches the default.
        port: the port to listen on; 0 takes a free one, which the log names.
        max_body: the largest request body, in bytes.

    Raises:
        DeclarationError: the script is wrong. A wrong artefact keeps ``/ping`` at 503 instead.
    """
    uvicorn = require("uvicorn", extra="serve")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app = App(Endpoint(Handler.of(import_script(script))), str(model_dir), max_body=max_body)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,  # SageMaker kills 30 s after SIGTERM
    )
