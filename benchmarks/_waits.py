"""How long people wait for a bot: to the acknowledgement, and to what they asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks._timing import Spread, Verdict, spread


@dataclass
class Waits:
    """Milliseconds from the event to its acknowledgement, and to what was asked for."""

    acknowledged: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)


def summarise(
    waits: Mapping[str, Waits], what: str, *, acknowledged_ms: float, done_ms: float
) -> tuple[dict[str, Spread], list[Verdict]]:
    """Return the spreads of each series, and their 95th percentiles beside the limits.

    Args:
        waits: by how they were measured.
        what: was asked for.
        acknowledged_ms: the limit of the acknowledgement.
        done_ms: the limit of what was asked for.
    """
    spreads, verdicts = {}, []
    for name, wait in waits.items():
        both = {"acknowledgement": (wait.acknowledged, acknowledged_ms), what: (wait.done, done_ms)}
        for stage, (series, limit) in both.items():
            spreads[f"{stage}, {name}"] = spread(series)
            p95 = float(np.percentile(series, 95))
            verdicts.append(Verdict(f"p95 {stage}, {name}", p95, "ms", limit))
    return spreads, verdicts
