"""Runs with the real SageMaker Python SDK 2: what its estimator would send to the cloud.

python sdk2.py ORDER.json    writes the hyperparameters as JSON, and the archive of the code
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

os.environ.update(
    AWS_ACCESS_KEY_ID="none",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_DEFAULT_REGION="us-west-2",
    AWS_EC2_METADATA_DISABLED="true",
    SAGEMAKER_SUPPRESS_V2_WARNING="1",
)

from sagemaker.session import Session, SessionSettings
from sagemaker.xgboost import XGBoost

order = json.loads(Path(sys.argv[1]).read_text())


def keep(file: Any, *rest: Any, **options: Any) -> None:
    """In place of the one call that needs AWS: the upload."""
    shutil.copy(file, order["archive"])


session = Mock(
    spec=Session,
    boto_region_name="us-west-2",
    local_mode=False,
    config=None,
    sagemaker_config={},
    settings=SessionSettings(),
    default_bucket_prefix=None,
    boto_session=Mock(region_name="us-west-2"),
)
session.resolve_value_from_config = Mock(return_value=None)
session.default_bucket.return_value = "bucket"
session.boto_session.resource.return_value.Object.return_value.upload_file.side_effect = keep
session.s3_resource = None
estimator = XGBoost(
    entry_point=order["entry_point"],
    source_dir=order["source_dir"],
    dependencies=order["dependencies"],
    hyperparameters=order["hyperparameters"],
    framework_version="3.0-5",
    role="arn:aws:iam::111122223333:role/any",
    instance_type="ml.m5.xlarge",
    instance_count=1,
    sagemaker_session=session,
)
estimator._prepare_for_training("job-1")
Path(order["told"]).write_text(json.dumps(estimator.hyperparameters()))
