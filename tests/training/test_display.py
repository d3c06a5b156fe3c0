"""What somebody sees in a terminal, and that a log is kept clean."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

JOB = """
from scriptmode.training.display import display
from scriptmode.training.metrics import Metrics

with display("job-1", Metrics([{"Name": "loss", "Regex": r"loss=(\\S+)"}]), logs=True) as on_line:
    for step in range(3):
        on_line(f"step {step} loss=0.{step}")
"""
READ = """
import sys
from pathlib import Path
from scriptmode.training import Channel

Channel("train", Path(sys.argv[1])).table(0)
"""


def in_terminal(code: str, *arguments: str) -> str:
    """What a program writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            written += piece
        assert child.wait() == 0, written
    os.close(ours)
    return written.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="terminals of Linux")
def test_time_and_the_latest_metrics_stand_below_the_lines() -> None:
    written = in_terminal(JOB)
    assert "step 0 loss=0.0\r\n" in written
    assert "step 2 loss=0.2\r\n" in written
    assert "job-1 00:00, loss 0.1" in written


@pytest.mark.skipif(sys.platform != "linux", reason="terminals of Linux")
def test_a_bar_follows_the_files_of_a_channel(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("1,2\n" * 1000)
    written = in_terminal(READ, str(tmp_path))
    assert "train" in written
    assert "/8.00k" in written


@pytest.mark.parametrize(("code", "expected"), [(JOB, 3), (READ, 0)])
def test_a_log_holds_lines_and_nothing_else(tmp_path: Path, code: str, expected: int) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == expected
    assert done.stderr == ""
