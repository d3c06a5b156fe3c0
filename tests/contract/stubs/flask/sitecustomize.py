"""What both images patch into sagemaker-containers, for `serve` and its workers."""

import collections
import collections.abc

vars(collections)["Mapping"] = collections.abc.Mapping
