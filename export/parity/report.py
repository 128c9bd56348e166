"""What a parity check says: one comparison an output, a report a case."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Comparison:
    """One output against its record.

    ``max_abs_diff`` is None where the two cannot be subtracted; then ``message`` says why.
    """

    max_abs_diff: float | None
    tolerance: float
    ok: bool
    message: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; the message only where there is one."""
        result = {"max_abs_diff": self.max_abs_diff, "tolerance": self.tolerance, "ok": self.ok}
        return result if self.message is None else {**result, "message": self.message}


@dataclass
class CaseReport:
    """All comparisons of one folder, what kept others from being made, and the records that are not there.

    A record that is not there is no error: not every case was recorded in full.
    """

    case: str
    kind: str
    outputs: dict[str, Comparison] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def has(self, path: Path) -> bool:
        """Say whether a record is there; one that is not is listed as skipped."""
        if path.exists():
            return True
        self.skipped.append(path.name)
        return False

    @property
    def ok(self) -> bool:
        """Whether something was compared and everything agreed."""
        return not self.errors and bool(self.outputs) and all(c.ok for c in self.outputs.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        if not self.outputs and not self.errors:
            self.errors.append("the folder holds nothing to compare")
        outputs = {name: comparison.to_dict() for name, comparison in self.outputs.items()}
        return {
            "case": self.case,
            "kind": self.kind,
            "ok": self.ok,
            "outputs": outputs,
            "errors": self.errors,
            "skipped": self.skipped,
        }


def unlike(message: str, tolerance: float = 0.0) -> Comparison:
    """Return a failed comparison of things that cannot be subtracted."""
    return Comparison(None, tolerance, False, message)


def compare(actual: npt.ArrayLike, expected: npt.ArrayLike, tolerance: float) -> Comparison:
    """Compare shapes, then finiteness, then values."""
    ours, theirs = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if ours.shape != theirs.shape:
        return unlike(f"shape {ours.shape}, recorded {theirs.shape}", tolerance)
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return unlike("not every number is finite", tolerance)
    difference = float(np.max(np.abs(ours - theirs), initial=0.0))
    return Comparison(difference, tolerance, difference <= tolerance)


def compare_shapes(actual: dict[str, tuple[int, ...]], recorded: dict[str, tuple[int, ...]]) -> Comparison:
    """Compare two lists of parameter names and shapes."""
    differing = sorted(n for n in actual.keys() | recorded.keys() if actual.get(n) != recorded.get(n))
    if differing:
        name = differing[0]
        found, wanted = actual.get(name, "absent"), recorded.get(name, "absent")
        return unlike(f"{len(differing)} parameters differ, first {name}: {found}, recorded {wanted}")
    return Comparison(0.0, 0.0, True)
