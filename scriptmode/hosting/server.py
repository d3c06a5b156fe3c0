"""Running the application on uvicorn, a well-kept ASGI server."""

from __future__ import annotations

import gc
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.handlers.endpoint import Endpoint
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import import_script
from scriptmode.hosting.app import App
from scriptmode.hosting.fleet import Fleet
from scriptmode.hosting.hosted import Hosted
from scriptmode.hosting.lobby import Lobby
from scriptmode.hosting.logs import RequestLog, log_to_stderr
from scriptmode.hosting.playground import playground_routes
from scriptmode.hosting.reloading import ReloadingModel
from scriptmode.hosting.runtime_api import runtime_routes
from scriptmode.hosting.single import SingleModel
from scriptmode.hosting.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scriptmode.hosting.app import Site
    from scriptmode.hosting.board import Board
    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.settings import Settings

_LOG = logging.getLogger("scriptmode")
_KEEP_ALIVE = 75  # seconds; longer than clients and load balancers keep a connection they may use
_GRACEFUL = 20  # seconds; SageMaker kills 30 s after SIGTERM
_BACKLOG = 2048
_ALLOCATIONS = 20_000  # between two looks for garbage in circles, of which requests leave none


def serve(script: str | Path, model_dir: str | Path, settings: Settings) -> None:
    """Serve a script until the process is told to stop (SIGINT or SIGTERM).

    Args:
        script: the entry script, composed or hand-written.
        model_dir: the folder that holds the artefact.
        settings: of the server.

    Raises:
        DeclarationError: the script is wrong. A wrong artefact keeps ``/ping`` at 503 instead.
    """
    log_to_stderr()
    os.environ["SAGEMAKER_MODEL_SERVER_WORKERS"] = str(settings.workers)  # models share the cores
    if settings.is_multi_model:
        fleet = Fleet(script, settings, settings.memory_limit)
        run(make_app(fleet, settings), listen(settings))
        return
    if settings.is_reloading:
        site = ReloadingModel(script, str(model_dir), settings)
        run(make_app(site, settings), listen(settings))
        return
    hosted = Hosted(Endpoint(Handler.of(import_script(script))), str(model_dir), settings)
    listening = listen(settings)
    if settings.workers == 1:
        run(make_app(SingleModel(hosted), settings), listening)
        return

    def wait(board: Board) -> None:
        run(Lobby(board), listening)

    def work(meter: Meter, beat: Callable[[], None]) -> None:
        run(make_app(SingleModel(hosted), settings, meter, beat), listening)

    Workers(hosted, settings, listening, wait, work).run()


def make_app(
    site: Site,
    settings: Settings,
    meter: Meter | None = None,
    beat: Callable[[], None] | None = None,
) -> App:
    """The application for a site, with what helps in development where that is asked for.

    Args:
        site: what is served.
        settings: of the server.
        meter: counts requests; None for one of its own.
        beat: called every second in which nothing is stuck.
    """
    app = App(site, settings, meter, RequestLog(settings.logged), beat)
    if settings.is_development:
        app.routes.add(playground_routes())
        app.routes.add(runtime_routes(site.routes(app.invoker)["/invocations"]["POST"]))
    return app


def listen(settings: Settings) -> socket.socket:
    """A socket that clients can connect to; the log names its port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.create_server(
        (settings.host, settings.port), family=family, backlog=_BACKLOG
    )
    host, port = listening.getsockname()[:2]
    _LOG.info("running on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    return listening


def run(app: App | Lobby, listening: socket.socket) -> None:
    """Answer what comes to a socket, until the process is told to stop."""
    gc.set_threshold(_ALLOCATIONS)
    uvicorn = require("uvicorn", extra="serve")  # before anything else asks for it
    from scriptmode.hosting.draining import DrainingServer

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks who the client is
        ws="none",
        lifespan="on",
        backlog=_BACKLOG,
        http=_protocol(app),
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACEFUL,
    )
    DrainingServer(config, app).run(sockets=[listening])


def _protocol(app: App | Lobby) -> Any:
    """The short way for one model; else the common one."""
    require("httptools", extra="serve")
    from scriptmode.hosting.connection import TolerantProtocol
    from scriptmode.hosting.protocol import protocol_for

    if isinstance(app, App) and isinstance(app.site, SingleModel):
        return protocol_for(app.invoker, app.site)
    return TolerantProtocol
