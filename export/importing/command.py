"""The command `python -m export import`: a published checkpoint in, a bundle out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from export.checkpoints.errors import CheckpointError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from export.importing.reaction import Draft, Tuner
    from export.importing.sources import Source
    from export.importing.tune import Tuned
    from export.models.hybrid_config import HybridCLIPConfig

HELP = """Bring a published checkpoint into the form that serving reads.

SOURCE is a folder, a file of weights, or the id of a Hugging Face repository.
"""

REPLY = "clip-reply"
REPLY_WORDS = "cardiffnlp/twitter-roberta-base-emoji"
REPLY_VOCABULARY = 50265
"""Tokens of RoBERTa, and of the text tower that clip-reply began with."""

GPT2 = "openai-community/gpt2"
CLIP = "openai/clip-vit-base-patch32"
CLIPS = {512: CLIP, 640: "timm/resnet50x4_clip.openai"}
"""Which CLIP the published captioners were trained with, by how many numbers they want of a picture."""

NO_CLIP = (
    "The captioner wants a picture as {wanted} numbers, and it is not known of which CLIP (512 are those of "
    "ViT-B/32, 640 those of RN50x4): name the one that it was trained with in --clip"
)


class Precision(StrEnum):
    """How the linear layers are stored and computed."""

    INT8 = "int8"
    FLOAT32 = "float32"


SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Folder, file or owner/model.")]
Out = Annotated[Path, typer.Option(help="Folder of the bundle; made where it is missing.")]
Revision = Annotated[str | None, typer.Option(help="Commit, branch or tag; the newest commit if not given.")]
Name = Annotated[str | None, typer.Option(help="Name of the bundle; that of the source if not given.")]
Layers = Annotated[Precision, typer.Option(help="Of the linear layers.")]
Tokens = Annotated[int, typer.Option(min=8, help="Cut messages to so many tokens.")]
Frames = Annotated[
    int | None, typer.Option(min=1, help="Look at so many frames of a GIF, evenly picked; 4 if not given.")
]
First = Annotated[
    bool, typer.Option("--first-frame", help="Look at the first frame of a GIF alone, as clip-reply learned.")
]
Modern = Annotated[bool, typer.Option("--modern-crop", help="Cut pictures as today's CLIP processor does.")]
TokenizerSource = Annotated[str | None, typer.Option("--tokenizer", help="Source of the tokenizer.")]
Like = Annotated[Path, typer.Option(help="Bundle whose reaction categories are taken.")]
Data = Annotated[Path | None, typer.Option(help="Folder of annotated messages [../shared/reactions].")]
Untuned = Annotated[
    bool, typer.Option("--untuned", help="Make anchors of words alone, even if there are annotated messages.")
]
Pack = Annotated[Path, typer.Option(help="Pack on whose GIFs the weights are chosen.")]
Limit = Annotated[int, typer.Option("--messages", min=100, help="Use so many of the annotated messages.")]
ClipSource = Annotated[
    str | None,
    typer.Option(
        "--clip",
        help="Source of CLIP; if not given, ViT-B/32 for a captioner of 512 numbers, RN50x4 for one of 640.",
    ),
]
NormalisePrefix = Annotated[
    bool | None,
    typer.Option(help="Scale CLIP's vector to length 1; if not given, for the transformer mapper only."),
]


def register(app: typer.Typer) -> None:
    """Add `import` with the kinds of checkpoint to the command line."""
    kinds = typer.Typer(no_args_is_help=True, help=HELP)
    kinds.command(REPLY)(import_hybrid)
    kinds.command("hybrid-clip")(import_hybrid)
    kinds.command("clipcap")(import_clipcap)
    app.add_typer(kinds, name="import")


def import_hybrid(
    context: typer.Context,
    source: SourceArgument,
    out: Out,
    revision: Revision = None,
    name: Name = None,
    tokenizer: TokenizerSource = None,
    precision: Layers = Precision.INT8,
    max_tokens: Tokens = 128,
    frames: Frames = None,
    first_frame: First = False,
    modern_crop: Modern = False,
    like: Like = Path("assets/models/house"),
    data: Data = None,
    pack: Pack = Path("assets/packs/fluent"),
    messages: Limit = 2000,
    untuned: Untuned = False,
) -> None:
    """Import a Hybrid CLIP, such as clip-reply, as a bundle for `repartee react`."""
    from export.importing.hybrid import hybrid_config, load_hybrid
    from export.importing.reaction import Wanted, write_reaction
    from export.importing.sources import NEEDS_MODEL, open_source

    (console, tell), frames = _console(), _frame_count(frames, first_frame)
    categories, tuner = _categories(like), _tuner(data, pack, messages, untuned, console)
    found = open_source(source, needed=NEEDS_MODEL, revision=revision)
    config = hybrid_config(found)
    may_guess = context.info_name == REPLY and config.text.vocab_size == REPLY_VOCABULARY
    reader = _reader(_words(found, tokenizer, REPLY_WORDS if may_guess else None, tell), config)
    tell(f"Reading {found.label} ...")
    with _listing(console):
        model = load_hybrid(found)
    wanted = Wanted(
        name=name or found.name.rpartition("/")[2],
        version=_version(found),
        origin=found.label,
        categories=categories,
        max_tokens=max_tokens,
        frames=frames,
        first_frame=first_frame,
        framing="crop" if modern_crop else "crop-2021",
        precision=precision.value,
        holds=config.hold_head,
    )
    write_reaction(model, reader, wanted, out, tuner=tuner, progress=tell)


def import_clipcap(
    source: SourceArgument,
    out: Out,
    revision: Revision = None,
    clip: ClipSource = None,
    clip_revision: Annotated[str | None, typer.Option(help="Commit of CLIP's repository.")] = None,
    tokenizer: TokenizerSource = None,
    name: Name = None,
    precision: Layers = Precision.INT8,
    normalise_prefix: NormalisePrefix = None,
) -> None:
    """Import a ClipCap as a bundle that describes pictures; its file has neither CLIP nor a tokenizer."""
    from export.importing.captioner import CaptionSources, CaptionWanted, write_captioner
    from export.importing.sources import NEEDS_VISION, NEEDS_WEIGHTS, open_source

    console, tell = _console()
    found = open_source(source, needed=NEEDS_WEIGHTS, revision=revision)

    def find_clip(width: int) -> Source:
        return open_source(clip or default_clip(width), needed=NEEDS_VISION, revision=clip_revision)

    wanted = CaptionWanted(
        name=name or Path(found.name).stem,
        version=_version(found),
        precision=precision.value,
        normalise_prefix=normalise_prefix,
    )
    with _listing(console):
        sources = CaptionSources(found, lambda: _words(found, tokenizer, GPT2, tell), find_clip)
        write_captioner(sources, wanted, out, progress=tell)


def _reader(words: Source, config: HybridCLIPConfig) -> Tokenizer:
    from export.importing.tokenizer import read_tokenizer

    return read_tokenizer(words.folder, vocabulary=config.text.vocab_size)


def _frame_count(frames: int | None, first_frame: bool) -> int:
    if first_frame and frames not in (None, 1):
        raise typer.BadParameter("it is one frame: leave --frames out", param_hint="--first-frame")
    return 1 if first_frame else frames or 4


def default_clip(width: int) -> str:
    """Return the repository of the CLIP that goes with a captioner that wants so many numbers.

    Raises:
        CheckpointError: none is known.
    """
    if width not in CLIPS:
        raise CheckpointError(NO_CLIP.format(wanted=width))
    return CLIPS[width]


def _words(found: Source, tokenizer: str | None, usual: str | None, tell: Callable[[str], None]) -> Source:
    """Open the source of the tokenizer: the one that was named, else beside the weights, else the usual one.

    Raises:
        CheckpointError: there is none, and none is usual.
    """
    from export.importing.sources import NEEDS_TOKENIZER, open_source
    from export.importing.tokenizer import has_tokenizer

    if tokenizer is None and has_tokenizer(found.folder):
        return found
    if tokenizer is None and usual is None:
        raise CheckpointError(
            f"{found.label} has no tokenizer: bring {NEEDS_TOKENIZER}, or name its source in --tokenizer"
        )
    if tokenizer is None:
        tell(f"{found.label} has no tokenizer: that of {usual} is taken.")
    return open_source(tokenizer or str(usual), needed=NEEDS_TOKENIZER, weights=False)


def _console() -> tuple[Console, Callable[[str], None]]:
    console = Console(stderr=True)
    return console, lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _listing(console: Console) -> Iterator[None]:
    """List the parameters that do not fit, above the sentence that says so."""
    from export.importing.fit import MisfitError

    try:
        yield
    except MisfitError as error:
        for line in error.lines:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        raise


def _version(source: Source) -> str:
    return source.revision[:12] or datetime.now(UTC).strftime("%Y.%m.%d")


def _categories(bundle: Path) -> list[str]:
    from inference.bundle import load_bundle

    return load_bundle(bundle).spec.categories.names


def _tuner(data: Path | None, pack: Path, limit: int, untuned: bool, console: Console) -> Tuner:
    """Return what makes the anchors: of annotated messages where there are any, else of words."""
    from export.data.reactions import DataError, reactions_dir
    from export.importing.evidence import gather
    from export.importing.reaction import tune_by_words
    from export.importing.tune import tune

    if untuned:
        return tune_by_words
    try:
        folder = reactions_dir(data)
    except DataError:
        if data is not None:
            raise
        return tune_by_words

    def by_messages(draft: Draft) -> Tuned:
        evidence, named = gather(draft, folder, pack, limit, console)
        return tune(evidence, named, draft.categories)

    return by_messages
