"""Do checkpoints of the published sizes go through the import within the memory of a small machine?

Makes the full-size clip-reply architecture and both full-size ClipCaps with random weights, imports each to
an int8 bundle and uses it, every step a process of its own. Prints time and peak memory of each step, and
how far the float32 graphs are from Flax. The weights say nothing, so neither do the answers.

    python -m benchmarks.import_full --only hybrid --json import.json
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks._process import run_once
from benchmarks._timing import write_json
from tests.export.importable import fixtures

ROOT = Path(__file__).resolve().parents[1]
REPARTEE = (sys.executable, "-c", "from bot.cli import main; main()")
MEMORY_MB = 8000.0
TOLERANCE = 1e-4
VISION = {"mlp": "clip-vit", "transformer": "clip-resnet"}
"""The CLIP that each captioner was trained with: ViT-B/32, RN50x4."""

Only = Annotated[list[str] | None, typer.Option(help="hybrid, mlp or transformer [all of them].")]
Scratch = Annotated[Path | None, typer.Option(help="Folder for 3 GB of files; emptied at the end.")]
ImportOnly = Annotated[bool, typer.Option("--import-only", help="Don't use the bundles.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass(frozen=True)
class Step:
    """One process: what it did, how long it took and the most memory that it had (units of 1e6 bytes)."""

    model: str
    what: str
    seconds: float
    peak_mb: float


def main(
    only: Only = None, scratch: Scratch = None, import_only: ImportOnly = False, json_file: JsonFile = None
) -> None:
    """Import and use checkpoints of full size."""
    console = Console()
    steps: list[Step] = []
    parity: dict[str, float] = {}
    for model in only or ["hybrid", *VISION]:
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            folder = Path(name)
            for step in chain(_imports(folder, model), () if import_only else _uses(folder, model)):
                steps.append(step)
                console.print(
                    f"{step.model} {step.what}: {step.seconds:.1f} s, {step.peak_mb:.0f} MB", highlight=False
                )
            parity |= dict(_differences(folder / "bundle", model))
    print_rows(console, steps, parity)
    if json_file:
        write_json(json_file, {"steps": [asdict(step) for step in steps], "fp32_max_difference": parity})
    if any(step.peak_mb > MEMORY_MB for step in steps) or any(v > TOLERANCE for v in parity.values()):
        raise typer.Exit(1)


def _imports(folder: Path, model: str) -> Iterator[Step]:
    """Make a checkpoint and import it to `bundle` in the folder."""
    hybrid = fixtures() / "hybrid_clip" / "param_tree_full.json"
    bundle = ("--out", str(folder / "bundle"))
    if model == "hybrid":
        yield _run(model, "make", *_maker(model, hybrid, folder / "model"))
        command = ["clip-reply", str(folder / "model"), "--untuned", "--frames", "1", *bundle]
        yield _run(model, "import", *_export("import", *command))
        return
    tree = fixtures() / "clipcap" / f"param_tree_full_{model}.json"
    yield _run(model, "make CLIP", *_maker(VISION[model], hybrid, folder / "clip"))
    yield _run(model, "make", *_maker(model, tree, folder / "model"))
    command = ["clipcap", str(folder / "model"), "--clip", str(folder / "clip"), *bundle]
    yield _run(model, "import", *_export("import", *command))


def _uses(folder: Path, model: str) -> Iterator[Step]:
    """Answer a message or describe a picture with the bundle."""
    settings = {"REPARTEE_DATA_DIR": str(folder / "data")}
    if model == "hybrid":
        settings["REPARTEE_BUNDLE"] = str(folder / "bundle")
        for what in ("react, first start", "react"):
            yield _run(model, what, *REPARTEE, "react", "I miss you", settings=settings)
        return
    picture = folder / "picture.png"
    Image.linear_gradient("L").convert("RGB").save(picture)
    bundle = str(folder / "bundle")
    yield _run(model, "describe", *REPARTEE, "describe", str(picture), "--bundle", bundle)


def _maker(kind: str, tree: Path, folder: Path) -> Sequence[str]:
    return sys.executable, "-m", "benchmarks._full_size", kind, str(tree), str(folder)


def _export(*arguments: str) -> Sequence[str]:
    return sys.executable, "-m", "export", *arguments


def _run(model: str, what: str, *command: str, settings: dict[str, str] | None = None) -> Step:
    path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
    done = run_once(command, {"PYTHONPATH": path, **(settings or {})})
    return Step(model, what, done.seconds, done.peak_mb)


def _differences(bundle: Path, model: str) -> Iterator[tuple[str, float]]:
    """Yield how far each float32 graph was from Flax, as the import wrote it into the bundle."""
    exported: dict[str, Any] = json.loads((bundle / "bundle.json").read_text())["scores"]["export"]
    for graph, figures in exported.items():
        yield f"{model} {graph}", figures["fp32_max_difference"]


def print_rows(console: Console, steps: Sequence[Step], parity: dict[str, float]) -> None:
    """Print a table of steps, and one of differences."""
    table = Table(title="Full-size checkpoints, each step a process")
    for column in ("model", "step", "seconds", "peak MB"):
        table.add_column(column, justify="left" if column in ("model", "step") else "right")
    for step in steps:
        table.add_row(step.model, step.what, f"{step.seconds:.1f}", f"{step.peak_mb:.0f}")
    console.print(table)
    for name, value in parity.items():
        console.print(f"{name}: float32 graph within {value:.1e} of Flax (limit {TOLERANCE:g})")


if __name__ == "__main__":
    typer.run(main)
