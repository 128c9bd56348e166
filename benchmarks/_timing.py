"""Interleaved timing and the tables of figures that every benchmark prints."""

import json
import os
import platform
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

Contender = Callable[[int], float]
"""Does the work of one round (its number is passed) and returns the milliseconds that it took."""


@dataclass(frozen=True)
class Spread:
    """Median and tails of a series, in the unit of the series."""

    p10: float
    p50: float
    p90: float
    p99: float
    runs: int


@dataclass(frozen=True)
class Verdict:
    """A figure beside its target; `limit` is None where the figure is only reported."""

    what: str
    value: float
    unit: str = ""
    limit: float | None = None
    is_at_most: bool = True

    @property
    def is_met(self) -> bool | None:
        """Say whether the target is met, None where there is none."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.is_at_most else self.value >= self.limit


def clock(work: Callable[[int], object]) -> Contender:
    """Make a contender of a function by timing it here."""

    def run(number: int) -> float:
        start = time.perf_counter()
        work(number)
        return (time.perf_counter() - start) * 1e3

    return run


def interleave(
    contenders: Mapping[str, Contender],
    *,
    rounds: int,
    warm_up: int,
    progress: Callable[[int], object],
    burst: int = 1,
) -> dict[str, list[float]]:
    """Run every contender in each round, so that they all see the same machine.

    The order is shuffled anew each round: who runs after a peer that fills the caches pays for it. With
    bursts only the first call of a turn does.

    Args:
        contenders: what is compared, by name.
        rounds: measured rounds.
        warm_up: rounds before them that don't count.
        burst: calls in a row at each turn; each is measured.
        progress: called after each round with its number from 1.

    Returns:
        Milliseconds of each measured call, by name.
    """
    series: dict[str, list[float]] = {name: [] for name in contenders}
    rng = random.Random(0)
    for number in range(warm_up + rounds):
        for name in rng.sample(list(contenders), len(contenders)):
            took = [contenders[name](number * burst + call) for call in range(burst)]
            if number >= warm_up:
                series[name] += took
        progress(number + 1)
    return series


def spread(series: Sequence[float]) -> Spread:
    """Summarise a series."""
    p10, p50, p90, p99 = (float(np.percentile(series, q)) for q in (10, 50, 90, 99))
    return Spread(p10, p50, p90, p99, len(series))


def print_spreads(console: Console, title: str, spreads: Mapping[str, Spread], unit: str) -> None:
    """Print one row a contender."""
    table = Table(title=title, title_justify="left", header_style="dim")
    table.add_column("what")
    for column in (f"p10 {unit}", f"p50 {unit}", f"p90 {unit}", f"p99 {unit}", "runs"):
        table.add_column(column, justify="right")
    for name, row in spreads.items():
        figures = (f"{figure:.2f}" for figure in (row.p10, row.p50, row.p90, row.p99))
        table.add_row(name, *figures, str(row.runs))
    console.print(table)


def print_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print figures beside their targets."""
    table = Table(title="Against the targets", title_justify="left", header_style="dim")
    for column in ("what", "figure", "target", ""):
        table.add_column(column, justify="left" if column in ("what", "") else "right")
    marks = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}
    for verdict in verdicts:
        sign = "≤" if verdict.is_at_most else "≥"
        target = "" if verdict.limit is None else f"{sign} {verdict.limit:g} {verdict.unit}"
        table.add_row(verdict.what, f"{verdict.value:.4g} {verdict.unit}", target, marks[verdict.is_met])
    console.print(table)


def machine() -> dict[str, Any]:
    """Describe where the figures were taken."""
    cpu = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    flags = next((line for line in _lines("/proc/cpuinfo") if line.startswith("flags")), "")
    return {
        "cpu": cpu.partition(":")[2].strip() or platform.processor(),
        "cores": os.cpu_count(),
        "has_vnni": "vnni" in flags,
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def report(spreads: Mapping[str, Spread], verdicts: Sequence[Verdict], **more: Any) -> dict[str, Any]:
    """Collect everything that was measured as one JSON object."""
    return {
        "machine": machine(),
        **more,
        "series": {name: asdict(row) for name, row in spreads.items()},
        "figures": [{**asdict(verdict), "is_met": verdict.is_met} for verdict in verdicts],
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a report, indented."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
