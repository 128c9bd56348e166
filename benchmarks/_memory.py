"""How much memory a process takes, read from outside of it (Linux)."""

from dataclasses import dataclass
from pathlib import Path

FIELDS = ("VmHWM", "VmRSS", "RssAnon")


@dataclass(frozen=True)
class Memory:
    """Memory of a process in units of 1e6 bytes.

    Attributes:
        peak_mb: the most that was resident since the process started.
        resident_mb: what is resident now.
        own_mb: of this, what no file backs and no other process shares.
    """

    peak_mb: float
    resident_mb: float
    own_mb: float


def memory_of(process: int | str = "self") -> Memory:
    """Return the memory of a process id, or of this process.

    Raises:
        OSError: there is no such process, or the system has no /proc.
    """
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return Memory(*(int(values[field].split()[0]) * 1024 / 1e6 for field in FIELDS))
