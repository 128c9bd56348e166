"""What a child may take of the machine: its memory, its turn on the processor, its life."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")
NICENESS = 5

FEW_HEAPS = {"MALLOC_ARENA_MAX": "2"}  # read by glibc only
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
SECRET_ENDINGS = ("TOKEN", "SECRET", "KEY", "PASSWORD", "REDIS_URL")


def environment() -> dict[str, str]:
    """Return the environment of a child: of ours without secrets, and where our modules are found."""
    ours = {name: value for name, value in os.environ.items() if not name.upper().endswith(SECRET_ENDINGS)}
    return {**ours, **FEW_HEAPS, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def step_back() -> None:
    """Let others go first, leave interrupts to the parent, leave no core dump of what somebody sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(AttributeError, OSError):  # not on Windows, nor where the parent may not
        os.nice(NICENESS)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def bound_memory(further_bytes: int) -> None:
    """Let this process have so many bytes more than it has now, where the system can say and see to that."""
    if sys.platform == "linux":
        import resource

        ctypes.CDLL(None).malloc_trim(0)  # what loading the models took
        pages = int(STATM.read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + further_bytes
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
