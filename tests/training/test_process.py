import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from scriptmode.training.process import follow


def run(code: str, folder: Path) -> tuple[int, str, list[str]]:
    lines: list[str] = []
    status, said = follow([sys.executable, "-c", code], folder, os.environ, lines.append)
    return status, said, lines


def test_both_streams_are_followed_and_the_last_error_kept(tmp_path: Path) -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    status, said, lines = run(code, tmp_path)
    assert (status, said, sorted(lines)) == (3, "two", ["one", "two"])


def test_lines_come_while_the_child_still_runs(tmp_path: Path) -> None:
    came: list[float] = []
    code = "import time; print('a'); time.sleep(0.6); print('b')"
    follow(
        [sys.executable, "-c", code], tmp_path, os.environ, lambda _: came.append(time.monotonic())
    )
    assert came[1] - came[0] > 0.3


@pytest.mark.parametrize("code", ["", "import sys; sys.stdout.buffer.write(bytes(range(256)))"])
def test_nothing_or_no_text_is_no_fault(tmp_path: Path, code: str) -> None:
    assert run(code, tmp_path)[0] == 0


def test_what_outlives_the_script_is_ended(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)\n"
    )
    began = time.monotonic()
    status, _, lines = run(code, tmp_path)
    assert status == 0
    assert time.monotonic() - began < 30
    deadline = time.monotonic() + 10
    while is_running(int(lines[0])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(lines[0]))


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except FileNotFoundError:
        return False


def test_an_interruption_ends_the_child(tmp_path: Path) -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        threading.Thread(target=stop).start()

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    code = "import os, time; print(os.getpid()); time.sleep(600)"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            follow([sys.executable, "-c", code], tmp_path, os.environ, interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not is_running(pids[0])


def test_a_fault_of_whoever_listens_ends_the_child(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise BrokenPipeError(line)

    code = "import time\nfor step in range(100000): print('x' * 80)\ntime.sleep(600)"
    began = time.monotonic()
    with pytest.raises(BrokenPipeError):
        follow([sys.executable, "-c", code], tmp_path, os.environ, fail)
    assert time.monotonic() - began < 30


def test_a_daemon_of_the_script_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "print(child.pid)\n"
    )
    began = time.monotonic()
    status, _, lines = run(code, tmp_path)
    os.kill(int(lines[0]), signal.SIGKILL)
    for thread in threading.enumerate():
        if thread.name.endswith("(pump)"):
            thread.join(10)
    assert status == 0
    assert time.monotonic() - began < 30
