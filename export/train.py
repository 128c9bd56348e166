"""`python -m export train …`: the stages of a house model, each a recipe, each resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from export.data.reactions import reactions_dir

Out = Annotated[Path, typer.Option(help="Folder of the run: checkpoints, TensorBoard files, results.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the reaction data [../shared/reactions].")]
Fold = Annotated[int | None, typer.Option(min=0, max=4, help="Hold out this fifth of the labels.")]
Smoke = Annotated[bool, typer.Option("--smoke", help="A trial on a few messages that takes about a minute.")]
Without = Annotated[int, typer.Option(min=0, help="Learn nothing of so many GIFs, to measure with them.")]
Seed = Annotated[int, typer.Option(min=0, help="Which GIFs are held out.")]
Pack = Annotated[Path, typer.Option(help="Pack whose names, tags and pictures are learned.")]

HELP = """Train the house models and the published ones.

The house model, stage by stage: teacher, then text; vision on its own; assemble.
The house captioner: captioner. Published systems: clip-reply, clipcap-mlp, clipcap-transformer.

An interrupted run goes on when the same command is given again. Watch it with `tensorboard --logdir runs`.
"""


def register(app: typer.Typer) -> None:
    """Add `train` with its stages to the command line."""
    from export import captioner_command, train_captions, train_reply

    stages = typer.Typer(no_args_is_help=True, help=HELP)
    stages.command("teacher")(teacher)
    stages.command("text")(text)
    stages.command("vision")(vision)
    stages.command("assemble")(assemble)
    captioner_command.register_training(stages)
    train_reply.register(stages)
    train_captions.register(stages)
    app.add_typer(stages, name="train")


def teacher(
    out: Out = Path("runs/teacher"), data: Data = None, fold: Fold = None, smoke: Smoke = False
) -> None:
    """Fine-tune the large teacher and write its opinions of all messages."""
    from export.recipes import house_teacher, house_text
    from export.teacher_stage import train_teacher
    from export.text_messages import read_messages

    recipe = house_teacher.SMOKE if smoke else house_teacher.FULL
    tweets = (house_text.SMOKE if smoke else house_text.FULL).tweets
    messages = read_messages(reactions_dir(data), tweets=tweets, fold=fold, limit=recipe.limit)
    train_teacher(recipe, messages, out)
    typer.echo(f"{out}: opinions of {len(messages.rows)} messages")


def text(
    teacher: Annotated[Path, typer.Option(help="Folder of the teacher's run.")] = Path("runs/teacher"),
    out: Out = Path("runs/text"),
    data: Data = None,
    pack: Pack = Path("assets/packs/fluent"),
    fold: Fold = None,
    without: Without = 0,
    seed: Seed = 0,
    labels_only: Annotated[
        bool,
        typer.Option("--labels-only", help="No teacher: annotated messages alone, a quarter of the time."),
    ] = False,
    smoke: Smoke = False,
) -> None:
    """Train the small text tower on labels and the teacher's opinions."""
    from export.checkpoints.msgpack import save_hybrid_clip
    from export.held_out import choose_held_out, write_held_out
    from export.label_opinions import annotated_only, label_opinions
    from export.recipes import house_text
    from export.student_stage import train_student
    from export.teacher_stage import OPINIONS, Opinions
    from export.text_messages import read_messages
    from inference.pack import read_pack

    recipe = house_text.SMOKE if smoke else house_text.FULL
    messages = read_messages(reactions_dir(data), tweets=recipe.tweets, fold=fold, limit=recipe.limit)
    if labels_only:
        messages = annotated_only(messages)
    opinions = label_opinions(messages, recipe) if labels_only else Opinions.load(teacher / OPINIONS)
    gifs = read_pack(pack).gifs if (pack / "manifest.jsonl").is_file() else []
    if without:
        held_out = choose_held_out(gifs, without, seed)
        write_held_out(out, held_out)
        gifs = [gif for gif in gifs if gif.id not in held_out]
    model = train_student(recipe, messages, opinions, gifs, out)
    save_hybrid_clip(model, out / "model")
    typer.echo(f"{out / 'model'}: text side trained")


def vision(
    out: Out = Path("runs/vision"),
    data: Data = None,
    pack: Pack = Path("assets/packs/fluent"),
    without: Without = 0,
    seed: Seed = 0,
    smoke: Smoke = False,
) -> None:
    """Train the vision tower on emoji drawings of many styles and on the pack's frames."""
    from dataclasses import replace

    from export.data.reactions import read_categories
    from export.recipes import house_vision
    from export.vision_stage import train_vision

    recipe = house_vision.SMOKE if smoke else house_vision.FULL
    recipe = replace(recipe, held_out=without, held_out_seed=seed)
    train_vision(recipe, pack, read_categories(reactions_dir(data)), out)
    typer.echo(f"{out}: vision side trained")


def assemble(
    text: Annotated[Path, typer.Option(help="Folder of the text run.")] = Path("runs/text"),
    vision: Annotated[Path, typer.Option(help="Folder of the vision run.")] = Path("runs/vision"),
    out: Out = Path("runs/house"),
    data: Data = None,
    fold: Annotated[
        int, typer.Option(min=0, max=4, help="The fifth of the labels the text run held out.")
    ] = 0,
    image: Annotated[float, typer.Option(help="Weight of the picture in a GIF's vector.")] = 0.35,
    words: Annotated[float, typer.Option(help="Weight of name and tags in a GIF's vector.")] = 0.25,
    gif_share: Annotated[float, typer.Option(help="Share of the GIF's own cosine in its score.")] = 0.2,
    balance: Annotated[float, typer.Option(help="How much of the categories' frequency to take out.")] = 0.25,
) -> None:
    """Join text side and vision side to the checkpoint that `python -m export onnx` exports."""
    from export.house_stage import Mixture
    from export.house_stage import assemble as join
    from export.sentences import minilm_folder
    from export.text_messages import read_messages

    messages = read_messages(reactions_dir(data), tweets=0, fold=fold, limit=None)
    tokenizer = (minilm_folder() / "tokenizer.json").read_text(encoding="utf-8")
    weights = Mixture(image, words, gif_share, balance)
    join(text, vision, tokenizer, messages, weights).save(out)
    typer.echo(f"{out}: now python -m export onnx --checkpoint {out} --out assets/models/house")
