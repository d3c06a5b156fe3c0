"""What a host tells the functions that ask for a context."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class RequestContext:
    """The context of a request, with the names that scripts for the AWS stacks read.

    The model servers behind those stacks (multi-model-server, TorchServe) answer many requests
    at once, hence the index that their header methods take; here it is always 0.

    Args:
        headers: the request's headers, names lower-cased.
        model_dir: the folder that holds the artefact, while the model is loaded.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    model_dir: str | None = None

    @property
    def custom_attributes(self) -> str | None:
        """``X-Amzn-SageMaker-Custom-Attributes``, the caller's own note to the script."""
        return self.headers.get("x-amzn-sagemaker-custom-attributes")

    @property
    def system_properties(self) -> dict[str, Any]:
        """``model_dir`` and ``gpu_id``, None without an accelerator."""
        return {"model_dir": self.model_dir, "gpu_id": None}

    def get_request_header(self, index: int, name: str) -> str | None:
        """One header, whatever the case of its name."""
        return self.headers.get(name.lower())

    def get_all_request_header(self, index: int) -> dict[str, str]:
        """All headers, names lower-cased."""
        return dict(self.headers)
