"""The serving stacks of AWS, as their packages on PyPI make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.environments import environment

if TYPE_CHECKING:
    from pathlib import Path

# Beside every stack: what scriptmode needs, and a framework to serve.
_BESIDE = (
    "setuptools<81",  # the toolkits import pkg_resources
    "wheel",
    "pandas",
    "pydantic>=2.4",
    "orjson>=3.10.7",
    "pyarrow",
    "msgpack>=1.2.4",
    "pillow",
    "python-multipart>=0.0.27",
    "protobuf>=4.25",
    "hatchling",
    "editables",
)
_FLASK = (
    "scipy",
    "retrying==1.3.3",
    "six",
    "psutil",
    "boto3",
    "paramiko",
    "inotify_simple==1.2.1",
)


@dataclass(frozen=True)
class Family:
    """One stack in an environment of its own.

    Args:
        name: what the table calls it.
        title: its package and release.
        stands_for: the images that have it.
        python: the release of Python in those images.
        requires: what is installed, as pip takes it.
        alone: what is installed without its own requirements.
        server: which front end its worker side belongs to: ``flask``, ``mms`` or ``ts``.
    """

    name: str
    title: str
    stands_for: str
    python: str
    requires: tuple[str, ...]
    alone: tuple[str, ...] = ()
    server: str = "mms"

    @property
    def short(self) -> str:
        """The package without its release, or with that of Flask."""
        package, _, rest = self.title.partition(",")
        return f"{package.rpartition(' ')[0]} with{rest}" if rest else package

    @property
    def requirements(self) -> tuple[str, ...]:
        """All that pip installs with what it needs."""
        return (*_BESIDE, *self.requires)

    def environment(self) -> Path:
        """Its Python.

        Raises:
            UnavailableError: its release of Python is not on this machine.
        """
        return environment(self.name, self.python, self.requirements, self.alone)


FAMILIES = (
    Family(
        "flask3",
        "sagemaker-containers 2.8.6, Flask 3.1",
        "XGBoost 3.2, scikit-learn 1.9; one model",
        "3.12",
        (
            "Flask==3.1.3",
            "Werkzeug==3.1.8",
            "gunicorn==25.3.0",
            "gevent==26.4.0",
            *_FLASK,
            "numpy",
            "xgboost-cpu==3.2.0",
        ),
        ("sagemaker-containers==2.8.6.post2",),
        "flask",
    ),
    Family(
        "flask1",
        "sagemaker-containers 2.8.6, Flask 1.1",
        "XGBoost 3.0; one model",
        "3.10",
        (
            "Flask==1.1.1",
            "Werkzeug==0.15.6",
            "jinja2==2.11.3",
            "MarkupSafe==1.1.1",
            "itsdangerous==2.0.1",
            "gunicorn==23.0.0",
            "gevent==23.9.1",
            *_FLASK,
            "numpy",
            "xgboost-cpu==3.0.5",
        ),
        ("sagemaker-containers==2.8.6.post2",),
        "flask",
    ),
    Family(
        "inference",
        "sagemaker-inference 1.10.1",
        "MXNet; whatever is built on the toolkit",
        "3.11",
        (
            "sagemaker-inference==1.10.1",
            "multi-model-server==1.1.11",
            "numpy<2.4",
            "scipy",
            "xgboost-cpu==3.2.0",
        ),
    ),
    Family(
        "inference15",
        "sagemaker-inference 1.5.5",
        "XGBoost and scikit-learn; several models",
        "3.12",
        (
            "sagemaker-inference==1.5.5",
            "multi-model-server==1.1.2",
            "numpy==2.1.0",
            "scipy==1.15.0",
            "xgboost-cpu==3.2.0",
        ),
    ),
    Family(
        "huggingface",
        "sagemaker-huggingface-inference-toolkit 2.6.0",
        "Hugging Face",
        "3.11",
        (
            "sagemaker-inference==1.10.1",
            "multi-model-server==1.1.11",
            "numpy<2.4",
            "scipy",
            "retrying",
            "huggingface_hub",
            "transformers<5",
            "xgboost-cpu==3.2.0",
        ),
        ("sagemaker-huggingface-inference-toolkit==2.6.0",),  # speech is left out
    ),
    Family(
        "pytorch",
        "sagemaker-pytorch-inference 2.0.25",
        "PyTorch",
        "3.11",
        (
            "sagemaker-pytorch-inference==2.0.25",
            "torchserve==0.12.0",
            "numpy<2.4",
            "scipy",
            "pyyaml",
            "packaging",
            "xgboost-cpu==3.2.0",
        ),
        server="ts",
    ),
)
BY_NAME = {family.name: family for family in FAMILIES}
