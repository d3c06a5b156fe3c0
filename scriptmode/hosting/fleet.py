"""A server of several models, which are loaded and unloaded while it runs.

Contract: "Create Your Own Container for Multi-Model Endpoints", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from scriptmode.errors import RequestError
from scriptmode.handlers.endpoint import Endpoint
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.response import Response, failure
from scriptmode.handlers.script import import_script, own_imports
from scriptmode.hosting.asgi import json_response
from scriptmode.hosting.hosted import Hosted
from scriptmode.hosting.invoking import OF_SEVERAL
from scriptmode.hosting.memory import give_back, memory_in_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.hosting.asgi import Call
    from scriptmode.hosting.invoking import Invoker
    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.routing import Methods
    from scriptmode.hosting.settings import Settings

TARGET = "x-amzn-sagemaker-target-model"
_LONGEST = 2**16  # bytes of a request to load a model
_PAGE = 100
_LONGEST_NUMBER = 20  # digits
_LOOK = 0.01  # seconds between two looks at a model that is to be unloaded


class Fleet:
    """Models by name; see :class:`scriptmode.hosting.app.Site`.

    Args:
        script: for models that bring none of their own in ``code/``.
        settings: of the server.
        limit: bytes of the process's memory, above which models that were not asked for longest
            are unloaded; None for no limit.
    """

    def __init__(self, script: str | Path, settings: Settings, limit: int | None = None) -> None:
        self._script, self._settings, self._limit = Path(script), settings, limit
        self._models: dict[str, Hosted] = {}  # the last that was asked is the last
        self._loading = ThreadPoolExecutor(1, "loading")
        self._turn = asyncio.Lock()  # two that are loaded at once would make room by each other

    def routes(self, invoker: Invoker) -> Mapping[str, Methods]:
        """The routes of multi-model endpoints."""

        async def invoke(call: Call) -> Response | None:
            name = call.names.get("model") or call.headers.get(TARGET, "")
            hosted = self._models.pop(name, None)
            if hosted is None:
                return _unknown(name) if name else _unnamed()
            self._models[name] = hosted
            await invoker(call, lambda: hosted, OF_SEVERAL)
            return None

        return {
            "/invocations": {"POST": invoke},
            "/models": {"GET": self._list, "POST": self._load},
            "/models/{model}": {"GET": self._describe, "DELETE": self._unload},
            "/models/{model}/invoke": {"POST": invoke},
        }

    def start(self, meter: Meter) -> None:
        """Nothing is loaded until it is asked for."""

    def stop(self) -> None:
        """Answer nothing more."""
        self._loading.shutdown(wait=False, cancel_futures=True)
        for hosted in self._models.values():
            hosted.close()

    @property
    def obstacle(self) -> str | None:
        """It is ready at once."""
        return None

    @property
    def is_stuck(self) -> bool:
        """Whether some model does not come back from a request."""
        return any(hosted.is_stuck for hosted in self._models.values())

    async def _list(self, call: Call) -> Response:
        query = parse_qs(call.scope["query_string"].decode("latin-1"))
        token = query.get("next_page_token", ["0"])[0]
        limit = query.get("limit", [str(_PAGE)])[0]
        is_number = token.isdecimal() and limit.isdecimal() and len(token + limit) < _LONGEST_NUMBER
        if not (is_number and int(limit)):
            return _bad("next_page_token and limit are numbers")
        start, end = int(token), int(token) + int(limit)
        names = sorted(self._models)
        page: dict[str, Any] = {"models": [self._description(name) for name in names[start:end]]}
        if end < len(names):
            page["nextPageToken"] = str(end)
        return json_response(200, page)

    async def _describe(self, call: Call) -> Response:
        name = call.names["model"]
        found = name in self._models
        return json_response(200, self._description(name)) if found else _unknown(name)

    def _description(self, name: str) -> dict[str, str]:
        hosted = self._models[name]
        state = "READY" if hosted.not_ready is None else "LOADING"
        return {"modelName": name, "modelUrl": hosted.model_dir, "status": state}

    async def _load(self, call: Call) -> Response:
        try:
            name, folder = _asked(await call.body(_LONGEST))
        except RequestError as error:
            return failure(error.status, error.to_dict())
        except ValueError as error:
            return _bad(str(error))
        if name in self._models:
            return failure(409, {"code": "conflict", "message": f"{name!r} is loaded already"})
        if not _is_folder(folder):
            return failure(404, {"code": "not_found", "message": f"there is no folder {folder}"})
        async with self._turn:
            return await self._take_in(name, folder)

    async def _take_in(self, name: str, folder: Path) -> Response:
        loop = asyncio.get_running_loop()
        try:
            hosted = await loop.run_in_executor(self._loading, self._import, name, folder)
        except Exception as error:  # noqa: BLE001 - a script may raise anything
            return failure(*_told(error))
        if name in self._models:  # asked for twice at once
            return failure(409, {"code": "conflict", "message": f"{name!r} is being loaded"})
        self._models[name] = hosted
        await loop.run_in_executor(self._loading, self._load_into, hosted, folder)
        if hosted.failure is not None:
            self._models.pop(name, None)
            return failure(*_told(hosted.failure))
        if not await self._make_room(name):
            message = f"{name!r} alone needs more memory than the {self._limit} bytes there are"
            return failure(507, {"code": "insufficient_memory", "message": message})
        return json_response(200, {"modelName": name, "modelUrl": str(folder)})

    def _import(self, name: str, folder: Path) -> Hosted:
        script = _script_of(folder, self._script)
        with own_imports(script.parent):
            endpoint = Endpoint(Handler.of(import_script(script)))
        return Hosted(endpoint, str(folder), self._settings, name)

    def _load_into(self, hosted: Hosted, folder: Path) -> None:
        with own_imports(_script_of(folder, self._script).parent):
            hosted.load()

    async def _make_room(self, name: str) -> bool:
        """Unload others until there is memory enough; whether there is."""
        while self._limit is not None and memory_in_use() > self._limit:
            oldest = next((each for each in self._models if each != name), name)
            await self._remove(oldest)
            if oldest == name:
                return False
        return True

    async def _unload(self, call: Call) -> Response:
        name = call.names["model"]
        hosted = self._models.get(name)
        if hosted is None:
            return _unknown(name)
        if hosted.not_ready is not None:
            return failure(409, {"code": "conflict", "message": f"{name!r} is being loaded"})
        await self._remove(name)
        return json_response(200, {"modelName": name, "status": "UNLOADED"})

    async def _remove(self, name: str) -> None:
        """Unload a model once what it was asked is answered."""
        hosted = self._models.pop(name, None)
        if hosted is None:  # somebody else has unloaded it
            return
        hosted.not_ready = "the model is being unloaded"
        while hosted.is_busy:  # noqa: ASYNC110 - the last request tells nobody
            await asyncio.sleep(_LOOK)
        hosted.close()
        del hosted
        await asyncio.get_running_loop().run_in_executor(self._loading, give_back)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no path at all
        return False


def _script_of(folder: Path, default: Path) -> Path:
    """The script that a model brings, as SageMaker's containers find it; else the server's."""
    named = folder / "code" / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    return named if named.is_file() else default


def _asked(body: bytes) -> tuple[str, Path]:
    try:
        document = json.loads(body)
        name, url = document["model_name"], document["url"]
    except (ValueError, TypeError, KeyError):
        name = url = None
    if not (isinstance(name, str) and name and "/" not in name and isinstance(url, str) and url):
        raise ValueError('expected {"model_name": "name", "url": "/folder/of/the/model"}')
    return name, Path(url)


def _told(error: BaseException) -> tuple[int, dict[str, object]]:
    if isinstance(error, MemoryError):
        return 507, {"code": "insufficient_memory", "message": "there is no memory for the model"}
    message = f"the model cannot be loaded: {type(error).__name__}; the log has the reason"
    return 500, {"code": "load_failed", "message": message}


def _unknown(name: str) -> Response:
    return failure(404, {"code": "not_found", "message": f"no model {name!r} is loaded"})


def _unnamed() -> Response:
    return _bad("several models are served: ask /models/{model}/invoke, or name one in " + TARGET)


def _bad(message: str) -> Response:
    return failure(400, {"code": "bad_request", "message": message})
