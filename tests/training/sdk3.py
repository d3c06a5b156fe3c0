"""Runs with the real SageMaker Python SDK 3: what its ModelTrainer would send to a container.

python sdk3.py ORDER.json    writes the hyperparameters as JSON, and where the code would come from
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(
    AWS_ACCESS_KEY_ID="none",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_DEFAULT_REGION="us-west-2",
    AWS_EC2_METADATA_DISABLED="true",
    SAGEMAKER_TELEMETRY_OPT_OUT="1",
)

from sagemaker.train.configs import Compute, SourceCode
from sagemaker.train.model_trainer import Mode, ModelTrainer

order = json.loads(Path(sys.argv[1]).read_text())
trainer = ModelTrainer(
    training_mode=Mode.LOCAL_CONTAINER,
    training_image="local/image:1",
    source_code=SourceCode(source_dir=order["source_dir"], entry_script=order["entry_point"]),
    hyperparameters=order["hyperparameters"],
    compute=Compute(instance_type="local_cpu", instance_count=1),
    local_container_root=order["root"],
    role="arn:aws:iam::111122223333:role/any",
)
arguments = trainer._create_training_job_args([])
channels = {each.channel_name: each for each in arguments["input_data_config"]}
source = channels["code"].data_source
told = {
    "hyperparameters": arguments["hyper_parameters"]
    if "hyper_parameters" in arguments
    else arguments["hyperparameters"],
    "code": getattr(source.file_system_data_source, "directory_path", None)
    or source.s3_data_source.s3_uri,
}
Path(order["told"]).write_text(json.dumps(told))
