"""What boto3's ``sagemaker-runtime`` client asks, so that it can ask a server of one's own.

Contract: ``InvokeEndpoint`` of the Amazon SageMaker Runtime API, 2017-05-13.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scriptmode.handlers.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.hosting.asgi import Call
    from scriptmode.hosting.routing import Answer, Methods

_MODEL_ERROR = 424
_VARIANT = {"x-amzn-invoked-production-variant": "AllTraffic"}


def runtime_routes(invoke: Answer) -> Mapping[str, Methods]:
    """The path of ``InvokeEndpoint``, for an endpoint of any name.

    Args:
        invoke: answers ``/invocations``.
    """

    async def answer(call: Call) -> Response | None:
        headers = {name: call.headers[name] for name in call.headers if name != "accept-encoding"}
        return await invoke(call._replace(change=as_the_platform, headers=headers))

    return {"/endpoints/{endpoint}/invocations": {"POST": answer}}


def as_the_platform(response: Response) -> Response:
    """What a caller of the platform gets for what a container answers.

    Args:
        response: of the container.
    """
    if response.status < 400:  # noqa: PLR2004 - as RFC 9110 section 15 has it
        return response._replace(headers={**_VARIANT, **response.headers})
    original = response.body.decode("utf-8", "replace")
    told = f"Received client error ({response.status}) from primary with message"
    document = {
        "Message": f"{told} {json.dumps(original)}.",
        "OriginalStatusCode": response.status,
        "OriginalMessage": original,
        "LogStreamArn": "",
    }
    return Response(
        _MODEL_ERROR,
        "application/json",
        json.dumps(document).encode(),
        response.error,
        headers={"x-amzn-errortype": "ModelError"},
    )
