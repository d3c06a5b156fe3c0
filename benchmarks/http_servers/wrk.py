"""The client: wrk, which sends one body over and over on each of its connections."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method, wrk.body = "POST", file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = args[2]
end

function done(summary, latency)
  local errors = summary.errors
  local sockets = errors.connect + errors.read + errors.write + errors.timeout
  local told = '\\n{"requests":%d,"seconds":%f,"refused":%d,"broken":%d,"p50":%f,"p99":%f}\\n'
  io.write(told:format(
    summary.requests, summary.duration / 1e6, errors.status, sockets,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
"""


@dataclass(frozen=True)
class Burst:
    """What some seconds on some connections came to.

    Args:
        rate: answers with a status of 2xx, a second.
        p50: milliseconds.
        p99: milliseconds.
        errors: other answers, and connections that broke.
    """

    rate: float
    p50: float
    p99: float
    errors: int


def wrk() -> str:
    """The program.

    Raises:
        SystemExit: it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("the client is missing: apt-get install wrk (or brew install wrk)")
    return found


def burst(url: str, body: Path, kind: str, connections: int, seconds: int) -> Burst:
    """Send a body as fast as it is answered.

    Args:
        url: where.
        body: the file that holds it.
        kind: its content type.
        connections: how many wait for an answer at a time.
        seconds: for how long.
    """
    script = body.with_name("wrk.lua")
    script.write_text(SCRIPT)
    amount = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command = [wrk(), *amount, "-s", str(script), url, "--", str(body), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return Burst(0.0, float("nan"), float("nan"), 1)
    told = json.loads(lines[-1])
    answered = (told["requests"] - told["refused"]) / told["seconds"]
    return Burst(answered, told["p50"], told["p99"], told["refused"] + told["broken"])
