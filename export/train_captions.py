"""`python -m export train clipcap-mlp|clipcap-transformer`: captioners from pictures and their captions."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[Path | None, typer.Argument(metavar="CAPTIONS", help="Caption JSON, see above.")]
Folder = Annotated[Path | None, typer.Argument(metavar="PICTURES", help="Folder of the pictures.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the run, runs/NAME if not given.")]
Clip = Annotated[str | None, typer.Option(help="CLIP's vision tower: folder, file or owner/model.")]
Gpt2 = Annotated[str | None, typer.Option("--gpt2", help="GPT-2 and its tokenizer: folder or owner/model.")]
OnlyMapper = Annotated[
    bool | None,
    typer.Option("--only-mapper/--with-gpt2", help="What learns; what the recipe says if not given."),
]
PrefixLength = Annotated[int | None, typer.Option(min=1, help="As so many tokens GPT-2 sees a picture.")]
Batch = Annotated[int | None, typer.Option(min=1, help="Captions a step [40].")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the captions [10].")]
Rate = Annotated[float | None, typer.Option(min=0.0, help="Highest learning rate [2e-5].")]
EvalShare = Annotated[
    float | None, typer.Option(min=0.0, max=0.9, help="Share of the pictures that only judge [0.01].")
]
Patience = Annotated[
    int | None,
    typer.Option(min=1, help="Stop after so many epochs without a lower held-out loss; never if not given."),
]
Smoke = Annotated[bool, typer.Option("--smoke", help="A trial on made-up pictures, well below a minute.")]

RECIPES = {
    "clipcap-mlp": "export.recipes.clipcap_mlp",
    "clipcap-transformer": "export.recipes.clipcap_transformer",
}
MLP = "Train a captioner: CLIP ViT-B/32, a mapper of two layers, and a GPT-2 that learns with it."
TRANSFORMER = "Train a captioner: CLIP RN50x4, a transformer of 8 layers, and a GPT-2 that stays as it is."
PARAGRAPHS = (
    "{what}",
    'CAPTIONS is {{"images": [{{"id", "file_name"}}], "annotations": [{{"image_id", "caption"}}]}}, as COCO '
    'has it, or a list of {{"image_id", "caption"}}. PICTURES has the files: JPEG, PNG, WebP, or GIF, of '
    "which the frame in the middle is looked at.",
    "Example: python -m export train {name} captions_train2017.json train2017 --out runs/coco",
    "The last line says how the model becomes a bundle that describes pictures. The same command goes on "
    "with a run that was cut short. Without captions: --smoke.",
)
HELP = "\n\n".join(PARAGRAPHS)


def register(stages: typer.Typer) -> None:
    """Add the captioners to the stages of `train`."""
    for name, what in zip(RECIPES, (MLP, TRANSFORMER), strict=True):
        stages.command(name, help=HELP.format(name=name, what=what), short_help=what)(clipcap)


def clipcap(
    context: typer.Context,
    captions: Json = None,
    pictures: Folder = None,
    out: Out = None,
    clip: Clip = None,
    gpt2: Gpt2 = None,
    only_mapper: OnlyMapper = None,
    prefix_length: PrefixLength = None,
    batch: Batch = None,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    eval_share: EvalShare = None,
    patience: Patience = None,
    smoke: Smoke = False,
) -> None:
    """Train the captioner that the command is named after."""
    from export.caption_smoke import make_playground
    from export.caption_stage import gather, import_command, train_captioner

    folder = out or Path("runs") / str(context.info_name)
    changes: dict[str, Any] = {
        "clip": clip,
        "gpt2": gpt2,
        "mode": None if only_mapper is None else "prefix_only" if only_mapper else "full",
        "prefix_length": prefix_length,
        "clip_length": prefix_length,
        "batch": batch,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "eval_share": eval_share,
        "patience": patience,
    }
    if smoke:
        made = make_playground(folder)
        captions, pictures = captions or made.captions, pictures or made.pictures
        changes |= {"clip": clip or str(made.clip), "gpt2": gpt2 or str(made.gpt2)}
    if captions is None or pictures is None:
        raise typer.BadParameter("give CAPTIONS and PICTURES, or --smoke for a trial without them")
    recipes = importlib.import_module(RECIPES[str(context.info_name)])
    recipe = (recipes.SMOKE if smoke else recipes.FULL).changed(changes)
    material = gather(recipe, captions, pictures, folder)
    train_captioner(recipe, material, folder)
    typer.echo(f"{folder}: trained; now {import_command(recipe, material, folder)}")
