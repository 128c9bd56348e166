"""Wall time, processor time and peak memory of a command that is started as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("_launch.py")


@dataclass(frozen=True)
class Started:
    """How one run of a command went.

    Attributes:
        seconds: wall time.
        cpu_seconds: processor time of all its threads, which a busy machine does not stretch.
        peak_mb: peak memory in units of 1e6 bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run_once(command: Sequence[str], environment: Mapping[str, str]) -> Started:
    """Run a command to its end and measure it.

    Raises:
        RuntimeError: it failed; the message has what it wrote.
    """
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), *command]
    done = subprocess.run(
        launch, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    figures = json.loads(done.stdout or '{"code": "no answer"}')
    if figures["code"] != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {figures['code']}: {done.stderr.strip()}")
    return Started(figures["seconds"], figures["cpu_seconds"], figures["peak_mb"])
