"""ClipCap's training from captions and vectors to a checkpoint that the import takes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from export.caption_data import STOP, Captions, Pairs, encode, read_captions
from export.caption_fit import Learner, Split
from export.caption_prefixes import picture_vectors, vectors_file
from export.caption_recipe import CaptionRecipe
from export.caption_start import NEEDS_GPT2, build, clip_width, load_gpt2, sizes
from export.captions import greedy, next_logits
from export.checkpoints.clipcap import save_clipcap
from export.cider import Cider
from export.data.reactions import DataError
from export.importing.clip_vision import load_clip_image
from export.importing.sources import NEEDS_VISION, Source, open_source, weights_file
from export.importing.tokenizer import read_tokenizer
from export.models.clipcap import ClipCap
from export.models.gpt2 import GPT2

Floats = npt.NDArray[np.float32]
Progress = Callable[[str], None]
Scores = dict[str, Any]

MODEL = "model"
SCORES = "scores.json"
TOKENIZER = "tokenizer.json"


class Material(NamedTuple):
    """What a captioner is trained with.

    Attributes:
        captions: and their pictures.
        vectors: (pictures, prefix_size) float32, CLIP's as they are; NaN for what cannot be read.
        clip: whose they are.
        gpt2: the language model; in the mode "full" it is changed.
        tokenizer: GPT-2's.
        words: where both come from.
    """

    captions: Captions
    vectors: Floats
    clip: Source
    gpt2: GPT2
    tokenizer: Tokenizer
    words: Source


def gather(
    recipe: CaptionRecipe, captions: Path, pictures: Path, out: Path, *, progress: Progress = print
) -> Material:
    """Read captions and models, and look at every picture; vectors are kept in the folder of the run.

    What cannot be trained is refused before the pictures are looked at, which may take hours.

    Raises:
        DataError: the captions cannot be used, or as `hold_out`.
        CheckpointError: CLIP, GPT-2 or its tokenizer is missing or damaged, or does not fit.
        DownloadError: a repository cannot be fetched.
    """
    read = read_captions(captions, pictures, progress=progress)
    hold_out(read, recipe)
    words = open_source(recipe.gpt2, needed=NEEDS_GPT2)
    progress(f"Reading {words.label} ...")
    gpt2 = load_gpt2(words)
    tokenizer = read_tokenizer(words.folder, vocabulary=gpt2.config.vocab_size)
    vision = open_source(recipe.clip, needed=NEEDS_VISION)
    progress(f"Reading {vision.label} ...")
    weights = weights_file(vision)
    width = clip_width(weights)
    sizes(recipe, gpt2, width)
    kept = vectors_file(out, read.pictures, weights)
    vectors = picture_vectors(read.pictures, lambda: load_clip_image(vision, width=width), width, kept)
    return Material(read, vectors, vision, gpt2, tokenizer, words)


def import_command(recipe: CaptionRecipe, material: Material, out: Path) -> str:
    """Return the command that makes a bundle of what was trained."""
    clip = material.clip
    words: list[Any] = ["python", "-m", "export", "import", "clipcap", out / MODEL]
    if clip.revision:
        words += ["--clip", clip.name, "--clip-revision", clip.revision]
    else:
        words += ["--clip", weights_file(clip)]
    words += ["--out", out / "bundle", "--normalise-prefix" if recipe.is_unit else "--no-normalise-prefix"]
    return shlex.join(map(str, words))


class Prepared(NamedTuple):
    """What a `Learner` learns, and the captions in words."""

    model: ClipCap
    pairs: Pairs
    split: Split
    captions: Captions


def prepare(recipe: CaptionRecipe, material: Material, *, progress: Progress = print) -> Prepared:
    """Make the model, the tokens and the choice of what is held out; arguments as `train_captioner`.

    Raises:
        DataError: there is nothing to learn of, or patience has nothing to judge by.
        CheckpointError: the sizes do not go together.
    """
    captions = readable(material, progress)
    model = build(recipe, material.gpt2, material.vectors.shape[1])
    room = model.config.gpt2.n_positions - recipe.prefix_length
    tokens = encode(material.tokenizer, captions.texts, room, progress=progress)
    vectors = scaled(material.vectors) if recipe.is_unit else material.vectors
    split = hold_out(captions, recipe)
    progress(
        f"{len(split.learnt)} captions to learn, {len(split.held_out)} held out, "
        f"up to {tokens.ids.shape[1]} tokens each."
    )
    pairs = Pairs(tokens, captions.rows, vectors, recipe.prefix_length)
    return Prepared(model, pairs, split, captions)


def train_captioner(
    recipe: CaptionRecipe, material: Material, out: Path, *, progress: Progress = print
) -> Scores:
    """Train a captioner, or go on with a training that was cut short, and write model and scores.

    ``out/model`` has what `load_clipcap_folder` and the import read, and GPT-2's tokenizer.

    Args:
        recipe: the settings.
        material: what is learned and what it starts from.
        out: folder of the run.
        progress: told what is left out, and after each epoch its losses.

    Raises:
        ResumeError: the folder has a run of another recipe or of other data.
        ReparteeError: as `prepare`.
    """
    prepared = prepare(recipe, material, progress=progress)
    scores = Learner(prepared.model, recipe, prepared.pairs, prepared.split).fit(out, progress)
    scores["started_from"] = {"clip": material.clip.label, "gpt2": material.words.label}
    scores |= describe(prepared, material.tokenizer, recipe.described)
    save_clipcap(prepared.model, out / MODEL)
    material.tokenizer.save(str(out / MODEL / TOKENIZER))
    (out / SCORES).write_text(json.dumps(scores, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return scores


def readable(material: Material, progress: Progress) -> Captions:
    """Return the captions whose pictures could be read.

    Raises:
        DataError: there are none.
    """
    captions, known = material.captions, np.isfinite(material.vectors.sum(axis=1))
    if known.all():
        return captions
    damaged = captions.pictures[int(np.argmin(known))]
    if not known.any():
        raise DataError(f"No picture can be read; the first is {damaged}, wanted are JPEG, PNG, GIF or WebP")
    count = int((~known).sum())
    progress(f"{count} of {len(known)} pictures cannot be read; they are left out, such as {damaged}.")
    return captions.of_known(known)


def scaled(vectors: Floats) -> Floats:
    """Return (n, dim) float32 vectors scaled to length 1; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = vectors / np.maximum(lengths, 1e-12)
    return found


def hold_out(captions: Captions, recipe: CaptionRecipe) -> Split:
    """Choose the pictures, with all their captions, of which nothing is learned.

    Raises:
        DataError: none is left to learn of, or there is patience and nothing to judge by.
    """
    pictures = np.unique(captions.rows)
    count = min(len(pictures), round(recipe.eval_share * len(pictures)) or int(recipe.eval_share > 0))
    if count == len(pictures):
        raise DataError(f"Of {len(pictures)} pictures {count} are held out: bring more, or hold fewer out")
    if recipe.patience is not None and not count:
        raise DataError("Patience needs held-out pictures to judge by: give a share of them above 0")
    chosen = np.random.default_rng(recipe.seed).choice(pictures, count, replace=False)
    is_held_out = np.isin(captions.rows, chosen)
    return Split(np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out))


def describe(prepared: Prepared, tokenizer: Tokenizer, limit: int) -> Scores:
    """Describe held-out pictures, the first of them where there are more than the limit.

    CIDEr counts rare words by the pictures it is given, so that figures of other numbers of pictures differ.
    """
    model, pairs, split, captions = prepared
    stop = tokenizer.encode(STOP, add_special_tokens=False).ids[0]
    longest = pairs.tokens.ids.shape[1]
    examples: dict[str, dict[str, Any]] = {}
    for picture in np.unique(captions.rows[split.held_out])[:limit]:
        found = greedy(next_logits(model, pairs.vectors[picture], longest), stop, longest)
        examples[str(picture)] = {
            "picture": captions.pictures[picture].name,
            "said": tokenizer.decode(found.ids).strip(),
            "wanted": [captions.texts[row] for row in np.flatnonzero(captions.rows == picture)],
        }
    if not examples:
        return {}
    cider = Cider({key: example["wanted"] for key, example in examples.items()})
    score = cider.mean({key: example["said"] for key, example in examples.items()})
    return {"cider": round(score, 3), "described": len(examples), "examples": list(examples.values())}
