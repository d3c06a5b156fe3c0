"""Which function answers which path and method."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from scriptmode.handlers.response import Response, failure

if TYPE_CHECKING:
    from scriptmode.hosting.asgi import Call

Answer: TypeAlias = "Callable[[Call], Awaitable[Response | None]]"
Methods: TypeAlias = Mapping[str, Answer]
"""What answers by itself returns None."""

_PLACE = re.compile(r"\\{(\w+)\\}")


class Router:
    """Paths, in which ``{name}`` stands for any text without a slash, with their functions.

    Args:
        routes: by path, then by method.
    """

    def __init__(self, routes: Mapping[str, Methods]) -> None:
        self._routes: dict[str, Methods] = {}
        self._patterns: list[tuple[re.Pattern[str], Methods]] = []
        self.add(routes)

    def add(self, routes: Mapping[str, Methods]) -> None:
        """Answer further paths."""
        self._routes.update(routes)
        for path, methods in routes.items():
            if "{" in path:
                pattern = _PLACE.sub(r"(?P<\1>[^/]+)", re.escape(path))
                self._patterns.append((re.compile(pattern), methods))

    async def __call__(self, call: Call) -> Response | None:
        """What the route of a call answers; 404 or 405 where there is none."""
        path, method = call.scope["path"], call.scope["method"]
        methods = self._routes.get(path)
        if methods is None:
            for pattern, those in self._patterns:
                if found := pattern.fullmatch(path):
                    methods, call = those, call._replace(names=found.groupdict())
                    break
            else:
                return self._not_found()
        answer = methods.get(method)
        return _not_allowed(path, method, methods) if answer is None else await answer(call)

    def _not_found(self) -> Response:
        known = [f"{method} {path}" for path, those in self._routes.items() for method in those]
        message = f"the routes are {', '.join(known)}"
        return failure(404, {"code": "not_found", "message": message})


def _not_allowed(path: str, method: str, methods: Methods) -> Response:
    allowed = ", ".join(methods)
    message = f"{path} takes {allowed}, not {method}"
    response = failure(405, {"code": "method_not_allowed", "message": message})
    return response._replace(headers={"allow": allowed})  # RFC 9110 section 15.5.6
