"""`python -m export train clip-reply`: a Hybrid CLIP, or a plain CLIP, on texts and GIFs that answer them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

HELP = """Train two towers on texts and the GIFs that answered them.

DATA is a folder with pairs.jsonl or pairs.csv, with lines such as
{"text": "I miss you", "gif": "gifs/hug.gif"}, or ReactionGIF's file of ids,
with --texts and --gifs.

    python -m export train clip-reply my-pairs --out runs/clip-reply

    python -m export import clip-reply runs/clip-reply/model --out runs/bundle

An interrupted run goes on when the same command is given again.
Without any data: --smoke.
"""

Data = Annotated[Path | None, typer.Argument(metavar="DATA", help="Folder of pairs, or a file of ids.")]
Texts = Annotated[Path | None, typer.Option(help="Of a file of ids: its texts, JSON lines or CSV: id, text.")]
Gifs = Annotated[Path | None, typer.Option(help="Of a file of ids: folder of its GIFs, named by reply_id.")]
Text = Annotated[
    str | None,
    typer.Option(help="Source of the text tower; cardiffnlp/twitter-roberta-base-emoji if not given."),
]
Vision = Annotated[
    str | None, typer.Option(help="Source of the vision tower; openai/clip-vit-base-patch32 if not given.")
]
Clip = Annotated[str | None, typer.Option(help="Fine-tune a whole CLIP, this one, instead of two towers.")]
Frames = Annotated[int | None, typer.Option(min=1, max=16, help="Frames of a GIF: 1, the first, or 4 [1].")]
ImageSize = Annotated[
    int | None,
    typer.Option(min=1, help="Edge of pictures in pixels, such as 384; the vision tower's own if not given."),
]
Batch = Annotated[int | None, typer.Option(min=2, help="Pairs a step [32].")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the pairs, at most [5].")]
Rate = Annotated[float | None, typer.Option(min=0.0, help="Highest learning rate [1e-5].")]
EvalShare = Annotated[
    float | None,
    typer.Option(min=0.001, max=0.9, help="Share of the pairs that only judge, at least [0.02]."),
]
Patience = Annotated[
    int | None, typer.Option(min=1, help="Stop after so many epochs without a lower held-out loss [2].")
]
Out = Annotated[Path, typer.Option(help="Folder of the run: checkpoints, TensorBoard files, scores, model.")]
Smoke = Annotated[
    bool,
    typer.Option(
        "--smoke",
        help="A trial on made-up pictures, less than a minute; with --clip and any word, of a tiny CLIP.",
    ),
]


def register(stages: typer.Typer) -> None:
    """Add `clip-reply` to the stages of `train`."""
    stages.command("clip-reply", help=HELP)(clip_reply)


def clip_reply(
    data: Data = None,
    texts: Texts = None,
    gifs: Gifs = None,
    text: Text = None,
    vision: Vision = None,
    clip: Clip = None,
    frames: Frames = None,
    image_size: ImageSize = None,
    batch: Batch = None,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    eval_share: EvalShare = None,
    patience: Patience = None,
    out: Out = Path("runs/clip-reply"),
    smoke: Smoke = False,
) -> None:
    """Train on replies."""
    from export.recipes import clip_reply as recipes
    from export.reply_data import read_pairs
    from export.reply_smoke import made_up
    from export.reply_stage import MODEL, train_replies
    from export.reply_towers import open_start

    _check(data, has_towers=text is not None or vision is not None, has_clip=clip is not None, smoke=smoke)
    given = {
        "text": text,
        "vision": vision,
        "clip": clip,
        "frames": frames,
        "image_size": image_size,
        "batch": batch,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "eval_share": eval_share,
        "patience": patience,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    recipe = replace(recipes.SMOKE if smoke else recipes.FULL, **changes)
    if smoke:
        recipe, data = made_up(recipe, out / "made-up")
    assert data is not None
    pairs = read_pairs(data, texts=texts, gifs=gifs, tell=_tell)
    scores = train_replies(recipe, open_start(recipe, _tell), pairs, out, _tell)
    _tell_end(scores, out / MODEL, out / "bundle", first_frame=recipe.frames == 1)


def _check(data: Path | None, *, has_towers: bool, has_clip: bool, smoke: bool) -> None:
    """Refuse what does not go together."""
    if smoke == (data is not None):
        raise typer.BadParameter(
            "give a folder of pairs or a file of ids, or --smoke without either", param_hint="DATA"
        )
    if smoke and has_towers:
        raise typer.BadParameter(
            "a trial makes its own towers: leave --text and --vision out", param_hint="--smoke"
        )
    if has_clip and has_towers:
        raise typer.BadParameter(
            "a whole CLIP has both towers: leave --text and --vision out", param_hint="--clip"
        )


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _tell_end(scores: Mapping[str, Any], model: Path, bundle: Path, *, first_frame: bool) -> None:
    """Say what was reached, and which command makes a bundle of it."""
    before, after = scores["before"], scores["after"]
    typer.echo(
        f"{model}: loss of what was held out {before['loss']:.3f} before, {after['loss']:.3f} after; "
        f"the right GIF first {before['recall']['@1']:.3f} before, {after['recall']['@1']:.3f} after, "
        f"by chance {after['chance']['@1']:.3f}"
    )
    words = ["python", "-m", "export", "import", "clip-reply", model, "--out", bundle]
    words += ["--first-frame"] if first_frame else []
    typer.echo(f"Now: {shlex.join(map(str, words))}")
