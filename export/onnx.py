"""The command `python -m export onnx`: a checkpoint of the house model in, a bundle out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from export.bundle import write_bundle
from export.graphs import ExportError
from export.house_checkpoint import HouseCheckpoint

Checkpoint = Annotated[Path, typer.Option(help="Folder of the trained model, as training saved it.")]
Out = Annotated[Path, typer.Option(help="Folder of the bundle; made where it is missing.")]
ScoresFile = Annotated[
    Path | None, typer.Option(help="JSON object of measured figures for the description and the model card.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("onnx")(export_bundle)


def export_bundle(checkpoint: Checkpoint, out: Out, scores: ScoresFile = None) -> None:
    """Export a trained model to ONNX, check it against Flax, quantise it and write a bundle."""
    console = Console(stderr=True)
    trained = HouseCheckpoint.load(checkpoint)
    figures = _read_scores(scores)
    write_bundle(trained, out, scores=figures, progress=lambda line: console.print(line, highlight=False))


def _read_scores(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"The scores {path} cannot be read: {error}") from error
    if not isinstance(figures, dict):
        raise ExportError(f"The scores {path} are a {type(figures).__name__} instead of named figures.")
    return figures
