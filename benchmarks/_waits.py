"""How long people wait for a bot: to the acknowledgement, and to what they asked for."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks._timing import Spread, Verdict, print_spreads, print_verdicts, report, spread, write_json

CHAT = Path(__file__).resolve().parents[2] / "shared" / "reactions" / "chat.jsonl"
CROWD = 50
WARM_UP = 5

Alone = Annotated[int, typer.Option(help="Asked one after another.")]
Crowds = Annotated[int, typer.Option(help=f"Times that {CROWD} ask at once.")]
MessagesFile = Annotated[Path, typer.Option(help='Lines of {"text"}.')]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]
Tick = Callable[[int], None]


@dataclass
class Waits:
    """Milliseconds from the event to its acknowledgement, and to what was asked for."""

    acknowledged: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)


Measure = Callable[[Sequence[str], Tick], Coroutine[Any, Any, tuple[Waits, Waits]]]


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


def run(
    measure: Measure,
    *,
    what: str,
    begin: str,
    total: int,
    limits_ms: tuple[float, float],
    messages: Path,
    json_file: Path | None,
) -> None:
    """Measure alone and in a crowd, and print.

    Args:
        measure: takes the texts and a progress callback; returns the waits of each alone, and in crowds.
        what: is asked for.
        begin: from when on it is timed.
        total: how often it is asked for, in all.
        limits_ms: of the acknowledgement, and of what is asked for.
        messages: lines of {"text"}.
        json_file: gets everything that was measured.
    """
    console = Console()
    texts = [json.loads(line)["text"] for line in messages.read_text(encoding="utf-8").splitlines()]
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Asking", total=total)
        one, many = asyncio.run(measure(texts, lambda count: bar.advance(task, count)))
    waits = {"one at a time": one, f"{CROWD} at once": many}
    acknowledged_ms, done_ms = limits_ms
    spreads, verdicts = summarise(waits, what, acknowledged_ms=acknowledged_ms, done_ms=done_ms)
    print_spreads(console, f"From the {begin} to …", spreads, "ms")
    print_verdicts(console, verdicts)
    if json_file:
        write_json(json_file, report(spreads, verdicts))
