"""Does "70 %" mean that 7 of 10 such picks are called great?

The first GIF of each message is judged by an annotator: on the fifth of the labels that training held out,
and on ReactBench (both annotators, each counted). Prints promised and real shares by confidence, and the
expected calibration error. ``--fit`` writes slope and intercept, fitted on the held-out fifth, into the
checkpoint's ``house.json``, from which the bundle is exported again.

    python -m benchmarks.confidence --json confidence.json
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._timing import write_json
from export.calibration import expected_calibration_error, fit_logistic
from export.data.reactions import reactions_dir
from export.text_messages import read_messages
from inference.engine import Engine
from inference.metrics import GREAT, BenchMessage

ROOT = Path(__file__).resolve().parents[1]
BINS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.01)

BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack.")]
Fold = Annotated[int, typer.Option(help="The fifth of the labels that training held out.")]
Fit = Annotated[Path | None, typer.Option(help="house.json of the checkpoint to write the fit into.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Picks:
    """First picks: cosine, promised probability and whether an annotator called them great, each (n,)."""

    scores: npt.NDArray[np.float64]
    promised: npt.NDArray[np.float64]
    great: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One band of confidence: how many picks, what they promised, how many were great."""

    messages: str
    band: str
    picks: int
    promised: float
    great: float


def main(
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    fold: Fold = 0,
    fit: Fit = None,
    json_file: JsonFile = None,
) -> None:
    """Compare promised and real shares."""
    console = Console()
    messages = read_messages(reactions_dir(None), tweets=0, fold=fold, limit=None)
    sets = {"held-out fifth": messages.judged, "ReactBench dev": messages.bench}
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine.open(bundle, [pack], Path(folder) / "catalogue.sqlite")
        picks = {name: judge(engine, rows, name) for name, rows in sets.items()}
    rows = [row for name, found in picks.items() for row in bands(name, found)]
    errors = {name: expected_calibration_error(p.promised, p.great) for name, p in picks.items()}
    print_rows(console, rows, errors)
    if fit:
        write_fit(fit, picks["held-out fifth"])
        console.print(f"{fit}: calibration written; export the bundle again")
    if json_file:
        write_json(json_file, {"bundle": engine.bundle.label, "error": errors, "rows": [*map(asdict, rows)]})


def judge(engine: Engine, messages: Sequence[BenchMessage], name: str) -> Picks:
    """Pick for every message that is not held; two different annotators count as two judgements."""
    found = []
    for message in track(messages, description=name, transient=True):
        if message.is_held:
            continue
        first = engine.react(message.text, 1).reactions[0]
        for annotator in [message.a] if message.a == message.b else [message.a, message.b]:
            great = annotator.grade(first.categories[0]) == GREAT
            found.append((first.score, first.confidence, float(great)))
    return Picks(*np.array(found, np.float64).T)


def bands(name: str, picks: Picks) -> list[Row]:
    """Group picks by promised probability; empty bands are left out."""
    rows = []
    for low, high in pairwise(BINS):
        inside = (picks.promised >= low) & (picks.promised < high)
        if inside.any():
            shares = float(picks.promised[inside].mean()), float(picks.great[inside].mean())
            rows.append(Row(name, f"{low:.0%} to {min(high, 1):.0%}", int(inside.sum()), *shares))
    return rows


def print_rows(console: Console, rows: Sequence[Row], errors: dict[str, float]) -> None:
    """Print a table, and the calibration error of each set."""
    table = Table(title="Confidence of the first GIF, and how often it is called great")
    for column in ("messages", "confidence", "picks", "promised", "called great"):
        table.add_column(column, justify="left" if column == "messages" else "right")
    for row in rows:
        table.add_row(row.messages, row.band, str(row.picks), f"{row.promised:.3f}", f"{row.great:.3f}")
    console.print(table)
    for name, error in errors.items():
        console.print(f"expected calibration error, {name}: {error:.3f}")


def write_fit(path: Path, picks: Picks) -> None:
    """Write slope and intercept into a checkpoint's settings."""
    fitted = fit_logistic(picks.scores, picks.great)
    settings = json.loads(path.read_text())
    settings["calibration"] = {"slope": fitted.slope, "intercept": fitted.intercept}
    path.write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
