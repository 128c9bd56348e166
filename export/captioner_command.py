"""The house captioner's commands: `python -m export train captioner` and `python -m export captioner`."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer


def register_training(stages: typer.Typer) -> None:
    """Add the stage to `python -m export train`."""
    stages.command("captioner")(train)


def register(app: typer.Typer) -> None:
    """Add the export to the command line."""
    app.command("captioner")(export_captioner)


def train(
    out: Annotated[
        Path, typer.Option(help="Folder of the run: checkpoints, TensorBoard files, results.")
    ] = Path("runs/captioner"),
    data: Annotated[
        Path | None, typer.Option(help="Folder of the reaction data [../shared/reactions].")
    ] = None,
    pack: Annotated[Path, typer.Option(help="Pack whose pictures are learned.")] = Path(
        "assets/packs/fluent"
    ),
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A trial on made-up pictures that takes about a minute.")
    ] = False,
) -> None:
    """Train the captioner that describes GIFs without words: its vision tower, then its language model."""
    from export.captioner_stage import train_house_captioner
    from export.data.reactions import reactions_dir, read_categories
    from export.recipes import house_captioner

    recipe = house_captioner.SMOKE if smoke else house_captioner.FULL
    categories = () if smoke else read_categories(reactions_dir(data))
    train_house_captioner(recipe, pack, categories, out)
    typer.echo(f"{out}: captioner trained")
    command = ["python", "-m", "export", "captioner", "--run", str(out), "--out"]
    command += [str(out / "bundle"), "--no-measure"] if smoke else ["assets/models/captioner"]
    typer.echo(f"now {shlex.join(command)}")


def export_captioner(
    run: Annotated[Path, typer.Option(help="Folder of the trained captioner.")] = Path("runs/captioner"),
    out: Annotated[Path, typer.Option(help="Folder of the bundle; made where it is missing.")] = Path(
        "assets/models/captioner"
    ),
    measure: Annotated[
        bool, typer.Option(help="Look at drawings of two more styles, for the figures and the threshold.")
    ] = True,
) -> None:
    """Export the house captioner to ONNX, check it against Flax, quantise, measure and write a bundle."""
    from rich.console import Console

    from export.captioner_bundle import write_house_captioner
    from export.captioner_stage import CaptionerCheckpoint

    console = Console(stderr=True)
    checkpoint = CaptionerCheckpoint.load(run)
    write_house_captioner(
        checkpoint,
        out,
        version=time.strftime("%Y.%m.%d"),
        is_measured=measure,
        progress=lambda line: console.print(line, highlight=False),
    )
