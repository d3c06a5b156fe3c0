"""A script that declares many hyperparameters, and writes down what it was given."""

import json
import os
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from scriptmode.training import Hyperparameters, Job


class Parameters(Hyperparameters):
    max_depth: int = 0
    n: int = 0
    learning_rate: float = 0
    negative: int = 0
    negative_float: float = 0
    large: int = 0
    tiny: float = 0
    huge: float = 0
    zero: int = 1
    zero_float: float = 1
    whole_float: float = 0
    true: bool = False
    false: bool = True
    maybe: int | None = 1
    maybe_text: str | None = "given"
    maybe_given: int | None = None
    objective: str = ""
    empty: str = "not"
    spaces: str = ""
    quotes: str = ""
    dashes: str = ""
    dash: str = ""
    equals: str = ""
    commas: str = ""
    brackets: str = ""
    unicode: str = ""
    newline: str = ""
    backslash: str = ""
    dollar: str = ""
    star: str = ""
    semicolon: str = ""
    word_none: str = ""
    word_null: str = ""
    word_true: str = ""
    numbers: list[int] = Field(default_factory=list)
    floats: list[float] = Field(default_factory=list)
    words: list[str] = Field(default_factory=list)
    nothing: list[int] = Field(default_factory=lambda: [1])
    nested: list[list[int]] = Field(default_factory=list)
    flags: list[bool] = Field(default_factory=list)
    mapping: dict[str, int] = Field(default_factory=dict)
    word_mapping: dict[str, str] = Field(default_factory=dict)
    deep: dict[str, Any] = Field(default_factory=dict)
    empty_mapping: dict[str, int] = Field(default_factory=lambda: {"a": 1})
    pair: tuple[int, int] = (0, 0)
    choice: Literal["exact", "hist"] = "exact"
    either: int | str = ""
    either_text: int | str = ""
    apostrophe: str = ""
    version: str = ""
    word_bool: str = ""


if __name__ == "__main__":
    job = Job.read()
    alone = list(sys.argv[1:])
    place = alone.index("--deep") if "--deep" in alone else len(alone)
    del alone[place : place + 2]  # of which the toolkit's spelling cannot be read back
    told = {
        "argv": sys.argv,
        "cwd": str(Path.cwd()),
        "environ": dict(os.environ),
        "hyperparameters": Parameters.read().model_dump(mode="json"),
        "blind": Parameters.read(alone, environ={}).model_dump(mode="json"),
        "job": {
            "model_dir": str(job.model_dir),
            "output_data_dir": str(job.output_data_dir),
            "channels": {n: [str(c.path), c.content_type] for n, c in job.channels.items()},
            "hosts": job.hosts,
            "current_host": job.current_host,
            "num_cpus": job.num_cpus,
            "num_gpus": job.num_gpus,
            "is_leader": job.is_leader,
            "failure": str(job.failure),
        },
    }
    Path(job.output_data_dir, "told.json").write_text(json.dumps(told))
