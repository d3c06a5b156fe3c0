"""A script that fails in the way that its one hyperparameter names."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOW: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "exception": lambda: 1 / 0,
    "exit3": lambda: sys.exit(3),
    "exit0": lambda: sys.exit(0),
    "exit_text": lambda: sys.exit("no data"),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminated": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "channel": lambda: os.environ["SM_CHANNEL_ABSENT"],
    "argparse": lambda: __import__("argparse").ArgumentParser().parse_args(),
    "import": lambda: __import__("no_such_library"),
    "own_failure": lambda: (
        Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("own reason"),
        sys.exit(1),
    ),
    "child": lambda: subprocess.run([sys.executable, "-c", "raise SystemExit(7)"], check=True),
}

if __name__ == "__main__":
    HOW[sys.argv[2]]()
