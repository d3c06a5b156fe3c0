"""Asking an endpoint with Python's own objects, as the SageMaker Python SDK does."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, ModelError, TrainingError
from scriptmode.handlers.registries import DEFAULT
from scriptmode.media import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.training.endpoint import LocalEndpoint

_SECONDS = 60.0  # as the service waits for an answer


class Predictor:
    """Sends rows to an endpoint, and reads its answers.

    Args:
        endpoint: where to send them.
        serializer: writes requests: a name such as ``csv``, one of our serializers, or one of the
            SDK's, with ``serialize`` and ``CONTENT_TYPE``.
        deserializer: reads answers, likewise; the SDK's have ``deserialize`` and ``ACCEPT``.
            ``json`` gives plain Python.
    """

    def __init__(
        self, endpoint: LocalEndpoint, *, serializer: Any = "csv", deserializer: Any = "json"
    ) -> None:
        self._endpoint = endpoint
        self._serializer, self._deserializer = _writer(serializer), _reader(deserializer)

    @property
    def endpoint_name(self) -> str:
        """The address of the endpoint."""
        return self._endpoint.address

    def predict(self, data: Any, initial_args: Mapping[str, str] | None = None) -> Any:
        """Ask for rows.

        Args:
            data: what the serializer takes: an array, a data frame, a list of rows; ``bytes`` and
                text go as they are.
            initial_args: ``ContentType`` and ``Accept`` of this request, in place of the
                serializers' own; ``CustomAttributes``.

        Returns:
            What the deserializer makes of the answer.

        Raises:
            ModelError: the endpoint refused, or failed.
            TrainingError: there is no endpoint any more.
        """
        given = initial_args or {}
        body, content_type = self._serializer.write(data)
        headers = {
            "Content-Type": given.get("ContentType", content_type),
            "Accept": given.get("Accept", self._deserializer.accept),
        }
        if "CustomAttributes" in given:
            headers["X-Amzn-SageMaker-Custom-Attributes"] = given["CustomAttributes"]
        request = urllib.request.Request(f"{self.endpoint_name}/invocations", body, headers)  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
                return self._deserializer.read(response.read(), response.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            raise ModelError(error.code, error.read().decode(errors="replace")) from None
        except OSError as error:
            raise TrainingError(f"{self.endpoint_name} does not answer: {error}") from error

    def delete_endpoint(self) -> None:
        """End the server; what was asked of it is answered before."""
        self._endpoint.stop()


class _Ours:
    """One of our serializers, on the client's side."""

    def __init__(self, serializer: Any) -> None:
        self._serializer = serializer
        self.accept = self.content_type = str(serializer.media_types[0])

    def write(self, data: Any) -> tuple[bytes, str]:
        if isinstance(data, (bytes, bytearray, str)):
            return data.encode() if isinstance(data, str) else bytes(data), self.content_type
        return self._serializer.encode(_rows(data), {}), self.content_type

    def read(self, body: bytes, content_type: str) -> Any:
        media_type = parse(content_type)
        if media_type.essence == "application/json" == self.accept:
            return json.loads(body)
        return self._serializer.decode(body, dict(media_type.params))


class _Theirs:
    """One of the SDK's, on the client's side."""

    def __init__(self, serializer: Any) -> None:
        self._serializer = serializer
        accepted = getattr(serializer, "ACCEPT", ())
        self.accept = accepted if isinstance(accepted, str) else ", ".join(accepted)

    def write(self, data: Any) -> tuple[bytes, str]:
        body = self._serializer.serialize(data)
        return body.encode() if isinstance(body, str) else bytes(
            body
        ), self._serializer.CONTENT_TYPE

    def read(self, body: bytes, content_type: str) -> Any:
        return self._serializer.deserialize(io.BytesIO(body), content_type)


def _writer(serializer: Any) -> _Ours | _Theirs:
    if hasattr(serializer, "serialize"):
        return _Theirs(serializer)
    found = DEFAULT.serializers.get(serializer) if isinstance(serializer, str) else serializer
    if not hasattr(found, "encode"):
        raise DeclarationError(f"{serializer!r} cannot write requests")
    return _Ours(found)


def _reader(deserializer: Any) -> _Ours | _Theirs:
    if hasattr(deserializer, "deserialize"):
        return _Theirs(deserializer)
    is_name = isinstance(deserializer, str)
    found = DEFAULT.serializers.get(deserializer) if is_name else deserializer
    if not hasattr(found, "decode"):
        raise DeclarationError(f"{deserializer!r} cannot read answers")
    return _Ours(found)


def _rows(data: Any) -> Any:
    """A list of rows as a table; one row, in a flat list, is a table of one."""
    import numpy as np

    if not isinstance(data, (list, tuple)) or not data or isinstance(data[0], (str, dict)):
        return data
    return np.atleast_2d(np.asarray(data))
