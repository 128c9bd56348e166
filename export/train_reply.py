"""`python -m export train clip-reply`: a Hybrid CLIP, or a plain CLIP, on texts and GIFs that answer them."""

from __future__ import annotations

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
Out = Annotated[Path, typer.Option(help="Folder of the run: checkpoints, TensorBoard files, scores, model.")]
Smoke = Annotated[
    bool,
    typer.Option(
        "--smoke", help="A trial on made-up pictures, less than a minute; with --clip, of a tiny CLIP."
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
    out: Out = Path("runs/clip-reply"),
    smoke: Smoke = False,
) -> None:
    """Train on replies."""
    from export.recipes import clip_reply as recipes
    from export.reply_data import read_pairs
    from export.reply_smoke import made_up
    from export.reply_stage import MODEL, train_replies
    from export.reply_towers import open_start

    if smoke == (data is not None):
        raise typer.BadParameter(
            "give a folder of pairs or a file of ids, or --smoke without either", param_hint="DATA"
        )
    if clip is not None and (text is not None or vision is not None):
        raise typer.BadParameter(
            "a whole CLIP has both towers: leave --text and --vision out", param_hint="--clip"
        )
    given = {
        "text": text,
        "vision": vision,
        "clip": clip,
        "frames": frames,
        "image_size": image_size,
        "batch": batch,
        "epochs": epochs,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    recipe = replace(recipes.SMOKE if smoke else recipes.FULL, **changes)
    if smoke:
        recipe, data = made_up(recipe, out / "made-up")
    assert data is not None
    tell = lambda line: typer.echo(line, err=True)  # noqa: E731
    pairs = read_pairs(data, texts=texts, gifs=gifs, tell=tell)
    scores = train_replies(recipe, open_start(recipe, tell), pairs, out, tell)
    before, after = scores["before"], scores["after"]
    first = [before["recall"]["@1"], after["recall"]["@1"], after["chance"]["@1"]]
    typer.echo(
        f"{out / MODEL}: loss of what was held out {before['loss']:.3f} before, {after['loss']:.3f} after; "
        "the right GIF first {:.3f} before, {:.3f} after, by chance {:.3f}".format(*first)
    )
    typer.echo(f"Now: python -m export import clip-reply {out / MODEL} --out {out / 'bundle'}")
