"""What a host tells the functions and hooks that ask for a context."""

from __future__ import annotations

import os
from collections import UserDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_INDEX = 0  # the model servers' contexts speak of several requests at once; there is one


class ResponseHead:
    """What a script says of its answer beside the body.

    Attributes:
        status: as in HTTP; None for the usual one.
        headers: further ones, by name.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: MutableMapping[str, str] = {}

    def set_status(self, status: int, phrase: str) -> None:
        """Answer with another status than 200."""
        self.status = status


class _ForeignHead(ResponseHead):
    """The same, told to the context of a model server.

    Args:
        context: the server's own.
    """

    def __init__(self, context: Any) -> None:
        super().__init__()
        self._context, self.headers = context, _ForeignHeaders(context)

    def set_status(self, status: int, phrase: str) -> None:
        self._context.set_response_status(code=status, phrase=phrase)


class _ForeignHeaders(UserDict[str, str]):
    def __init__(self, context: Any) -> None:
        super().__init__()
        self._context = context

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name, value)
        self._context.set_response_header(_INDEX, name, value)


@dataclass
class RequestContext:
    """The context of a request, the same in every host.

    It also has the names that scripts for the AWS stacks read. The model servers behind those
    stacks (multi-model-server, TorchServe) answer many requests at once, hence the index that
    their header methods take; here it is always 0.

    Args:
        headers: the request's headers, names lower-cased; empty where the host hides them.
        parameters: the members of the request that are declared as ``parameters``.
        model_dir: the folder that holds the artefact, where the host tells it.
        model_name: what the host calls the model, where it serves several.
        device: the number of the accelerator that the host gave this worker; None without one.
        foreign: the context of a model server that this one stands for.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model_dir: str | None = None
    model_name: str | None = None
    device: int | None = None
    foreign: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, context: Any) -> RequestContext:
        """Ours, from whatever a host hands over.

        Args:
            context: None, one of ours, or the context of multi-model-server or TorchServe.
        """
        if context is None:
            return cls()
        if isinstance(context, cls):
            return context
        properties = getattr(context, "system_properties", None) or {}
        return cls(
            headers=_headers(context),
            model_dir=properties.get("model_dir"),
            model_name=getattr(context, "model_name", None),
            device=properties.get("gpu_id"),
            foreign=context,
        )

    @cached_property
    def response(self) -> ResponseHead:
        """What the script says of its answer beside the body."""
        return ResponseHead() if self.foreign is None else _ForeignHead(self.foreign)

    def with_parameters(self, parameters: Mapping[str, Any]) -> RequestContext:
        """The same request, of whose body more is known by now."""
        made = replace(self, parameters=parameters)
        made.__dict__["response"] = self.response
        return made

    @property
    def said(self) -> ResponseHead | None:
        """The same, where the script has said anything."""
        found: ResponseHead | None = self.__dict__.get("response")
        return found

    @property
    def accept(self) -> str | None:
        """The Accept header, verbatim."""
        return self.headers.get("accept")

    @property
    def content_type(self) -> str | None:
        """The Content-Type header, verbatim."""
        return self.headers.get("content-type")

    @property
    def custom_attributes(self) -> str | None:
        """``X-Amzn-SageMaker-Custom-Attributes``, the caller's own note to the script."""
        return self.headers.get("x-amzn-sagemaker-custom-attributes")

    @property
    def session_id(self) -> str | None:
        """``X-Amzn-SageMaker-Session-Id``: ``NEW_SESSION``, or what the script called one."""
        return self.headers.get("x-amzn-sagemaker-session-id")

    @property
    def worker(self) -> int:
        """The number of the process that answers."""
        return os.getpid()

    @property
    def system_properties(self) -> dict[str, Any]:
        """``model_dir`` and ``gpu_id``, None without an accelerator."""
        return {"model_dir": self.model_dir, "gpu_id": self.device}

    def get_request_header(self, index: int, name: str) -> str | None:
        """One header, whatever the case of its name."""
        return self.headers.get(name.lower())

    def get_all_request_header(self, index: int) -> dict[str, str]:
        """All headers, names lower-cased."""
        return dict(self.headers)

    def set_response_header(self, index: int, name: str, value: str) -> None:
        """Answer with a header, such as ``X-Amzn-SageMaker-Custom-Attributes``."""
        self.response.headers[name] = value

    def set_response_content_type(self, index: int, value: str) -> None:
        """Answer with another content type than ``output_fn`` names."""
        self.response.headers["content-type"] = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = _INDEX) -> None:
        """Answer with another status than 200."""
        self.response.set_status(code, phrase)


def _headers(context: Any) -> dict[str, str]:
    """The headers that a foreign context tells; while the model is loaded it has none."""
    try:
        found = context.get_all_request_header(0)
    except (AttributeError, TypeError, IndexError, KeyError):
        return {}
    # The model servers put the parts of the body among them.
    return {str(n).lower(): value for n, value in dict(found or {}).items() if type(value) is str}
