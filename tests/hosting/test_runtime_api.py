"""The real boto3 client, against a server of one's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.hosting.conftest import MINIMAL
from tests.hosting.served import serving

pytestmark = pytest.mark.peer

SCRIPT = """
from scriptmode import compose

def after(prediction, context):
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", context.custom_attributes)
    if context.session_id == "NEW_SESSION":
        name = "X-Amzn-SageMaker-New-Session-Id"
        context.response.headers[name] = "s1; Expires=2030-01-01T00:00:00Z"
    return prediction

model_fn, input_fn, predict_fn, output_fn = compose("xgboost", returns=["json", "csv"], after=after)
"""


@pytest.fixture(scope="module")
def client(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    script = tmp_path_factory.mktemp("script") / "noting.py"
    script.write_text(SCRIPT)
    with serving(script, model_dir) as server:
        server.wait_until_ready()
        yield boto3.client(
            "sagemaker-runtime",
            endpoint_url=f"http://127.0.0.1:{server.port}",
            region_name="eu-west-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )


def test_it_is_answered_and_gets_its_attributes_back(client: Any) -> None:
    answer = client.invoke_endpoint(
        EndpointName="any",
        Body=b"1,2,3,4,5\n1,2,3,4,5\n",
        ContentType="text/csv",
        Accept="text/csv",
        CustomAttributes="trace=7",
        SessionId="NEW_SESSION",
    )
    first, second = answer["Body"].read().splitlines()
    assert first == second
    assert answer["ContentType"] == "text/csv"
    assert answer["CustomAttributes"] == "trace=7"
    assert answer["NewSessionId"].startswith("s1;")
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_errors_are_model_errors_with_what_the_container_said(client: Any) -> None:
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(EndpointName="any", Body=b"1,2", ContentType="text/csv")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 422
    assert "5 features" in response["OriginalMessage"]


def test_the_route_is_for_development_only(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, "--no-development") as server:
        assert server.ask("POST", "/endpoints/any/invocations", b"1").status == 404
