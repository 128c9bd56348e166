"""Writes a published Hybrid CLIP as a bundle that answers messages."""

from __future__ import annotations

import gc
import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from tokenizers import Tokenizer

from export import agreement
from export.bundle import (
    ANCHORS_FILE,
    CARD_FILE,
    IMAGE_FILE,
    MEGABYTE,
    TEXT_FILE,
    TOKENIZER_FILE,
    TOOLS,
    require,
    save_graph,
    token_feeds,
)
from export.graphs import image_graph, text_function, text_graph
from export.importing.card import reaction_card
from export.importing.categories import named_anchors
from export.importing.tower import TextReader
from export.importing.tune import Tuned, untuned
from export.models.hybrid_clip import HybridCLIP
from export.quantise import quantise_text, quantise_weights
from export.samples import SAMPLES
from inference.bundle import BUNDLE_FILE, BundleFile, BundleSpec, CategorySpec, ImageSpec, TextSpec, sha256_of
from inference.preprocess import CLIP_MEAN, CLIP_STD, Framing

Progress = Callable[[str], None]
Precision = Literal["int8", "float32"]
Tuner = Callable[["Draft"], Tuned]
"""Makes anchors and numbers for a bundle whose graphs are written."""

NEVER = 1.0
"""A threshold that no hold probability exceeds."""


@dataclass(frozen=True)
class Wanted:
    """How a checkpoint is to be served.

    Attributes:
        name: name of the bundle.
        version: its version, the commit or the day.
        origin: the checkpoint, with its commit where it has one.
        categories: names of the reactions.
        max_tokens: messages are cut to so many.
        frames: how many frames of a GIF are looked at.
        first_frame: look at the first one alone; `frames` is 1 then.
        framing: how pictures are cut.
        precision: of the text graph.
        holds: whether the model has a hold head of its own.
    """

    name: str
    version: str
    origin: str
    categories: list[str]
    max_tokens: int = 128
    frames: int = 4
    first_frame: bool = False
    framing: Framing = "crop-2021"
    precision: Precision = "int8"
    holds: bool = False


@dataclass(frozen=True)
class Draft:
    """A bundle whose graphs are written and whose numbers are not chosen yet."""

    folder: Path
    text: TextSpec
    image: ImageSpec
    tokenizer: Tokenizer
    categories: list[str]

    def reader(self) -> TextReader:
        """Return what reads messages with the written graph."""
        return TextReader(self.folder, self.text, self.tokenizer)


def tune_by_words(draft: Draft) -> Tuned:
    """Make the anchors of words alone and leave the numbers at their defaults."""
    return untuned(named_anchors(draft.categories, draft.reader()))


def write_reaction(
    model: HybridCLIP,
    tokenizer: Tokenizer,
    wanted: Wanted,
    folder: Path,
    *,
    tuner: Tuner = tune_by_words,
    progress: Progress = print,
) -> BundleSpec:
    """Export both towers, check them against Flax and write everything that serving needs.

    Args:
        model: the loaded checkpoint.
        tokenizer: its tokenizer.
        wanted: how it is to be served.
        folder: where the files go; made where it is missing.
        tuner: makes anchors and numbers.
        progress: told what is being done, a line at a time.

    Raises:
        ExportError: a graph does not agree with the Flax model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BUNDLE_FILE).unlink(missing_ok=True)  # an older description does not fit what is written now
    text = _text_spec(model, wanted)
    scores = {
        "text": _write_text(model, tokenizer, text, folder, wanted.precision, progress),
        "image": _write_image(model, folder, wanted.precision, progress),
    }
    (folder / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    draft = Draft(folder, text, _image_spec(model, wanted), tokenizer, wanted.categories)
    tuned = tuner(draft)
    np.save(folder / ANCHORS_FILE, tuned.anchors, allow_pickle=False)
    spec = _describe(model, draft, wanted, tuned, scores)
    (folder / CARD_FILE).write_text(reaction_card(spec, knows_hold=wanted.holds), encoding="utf-8")
    (folder / BUNDLE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
    size = sum(file.bytes for file in spec.files.values()) / MEGABYTE
    progress(f"Wrote {folder}: {size:.1f} MB. Try it: REPARTEE_BUNDLE={folder} repartee react hello")
    return spec


def _write_text(
    model: HybridCLIP,
    tokenizer: Tokenizer,
    spec: TextSpec,
    folder: Path,
    precision: Precision,
    progress: Progress,
) -> dict[str, Any]:
    progress("Tracing the text tower ...")
    graph = text_graph(model)
    shapes = agreement.text_shapes(spec.max_tokens)
    batches = agreement.random_texts(model.config.text.vocab_size, shapes)
    worst = agreement.text_difference(model, text_function(), graph, batches)
    require(worst, "text")
    progress(f"float32 text graph: largest difference from Flax {worst:.1e}.")
    if precision == "float32":
        save_graph(graph, folder / spec.file)
        return {"fp32_max_difference": worst}
    cut = Tokenizer.from_str(tokenizer.to_str())
    cut.enable_truncation(max_length=spec.max_tokens)
    samples = [token_feeds(cut.encode(text).ids) for text in SAMPLES]
    small = quantise_text(graph.clone(), samples)
    rows, _ = agreement.cosines(graph, small, samples)
    save_graph(small, folder / spec.file)
    progress(f"int8 text graph: cosine to float32 at least {rows.min():.4f}, mean {rows.mean():.4f}.")
    return {
        "fp32_max_difference": worst,
        "int8_cosine_min": float(rows.min()),
        "int8_cosine_mean": float(rows.mean()),
    }


def _write_image(model: HybridCLIP, folder: Path, precision: Precision, progress: Progress) -> dict[str, Any]:
    gc.collect()  # the text graphs have gone out of use, in cycles
    size = model.config.vision.image_size
    progress("Tracing the vision tower ...")
    graph = image_graph(model, size)
    worst = agreement.image_difference(model, graph, size)
    require(worst, "image")
    progress(f"float32 image graph: largest difference from Flax {worst:.1e}.")
    if precision == "float32":
        save_graph(graph, folder / IMAGE_FILE)
        return {"fp32_max_difference": worst}
    noise = np.random.default_rng(1).normal(size=(4, 1, 1, size, size, 3)).astype(np.float32)
    small = quantise_weights(graph.clone())
    rows, _ = agreement.cosines(graph, small, [{"pixel_values": pixels} for pixels in noise])
    save_graph(small, folder / IMAGE_FILE)
    return {"fp32_max_difference": worst, "stored_cosine_min": float(rows.min())}


def _text_spec(model: HybridCLIP, wanted: Wanted) -> TextSpec:
    text = model.config.text
    return TextSpec(
        file=TEXT_FILE,
        inputs={"input_ids": ["batch", "tokens"], "attention_mask": ["batch", "tokens"]},
        outputs={"embedding": ["batch", model.config.projection_dim], "hold": ["batch"]},
        max_tokens=min(wanted.max_tokens, text.max_position_embeddings),
        pad_id=text.pad_token_id,
        spells_emoji=False,
    )


def _image_spec(model: HybridCLIP, wanted: Wanted) -> ImageSpec:
    size = model.config.vision.image_size
    return ImageSpec(
        file=IMAGE_FILE,
        inputs={"pixel_values": ["batch", "frames", size, size, 3]},
        outputs={"embedding": ["batch", model.config.projection_dim]},
        size=size,
        mean=list(CLIP_MEAN),
        std=list(CLIP_STD),
        background=[255, 255, 255],
        frames=wanted.frames,
        first_frame=wanted.first_frame,
        framing=wanted.framing,
    )


def _describe(
    model: HybridCLIP, draft: Draft, wanted: Wanted, tuned: Tuned, scores: dict[str, Any]
) -> BundleSpec:
    names, folder = (TEXT_FILE, IMAGE_FILE, TOKENIZER_FILE, ANCHORS_FILE), draft.folder
    config = {"checkpoint": wanted.origin, "config": json.dumps(_sizes(model)), **tuned.notes}
    return BundleSpec(
        name=wanted.name,
        version=wanted.version,
        files={n: BundleFile(sha256_of(folder / n), (folder / n).stat().st_size) for n in names},
        text=draft.text,
        image=draft.image,
        tokenizer=TOKENIZER_FILE,
        embedding_dim=model.config.projection_dim,
        temperature=float(np.exp(-np.asarray(model.logit_scale[...]))),
        categories=CategorySpec(wanted.categories, ANCHORS_FILE),
        fusion=tuned.fusion,
        calibration=tuned.calibration,
        hold_threshold=0.5 if wanted.holds else NEVER,
        training=config,
        scores={**tuned.scores, "export": scores},
        versions={tool: importlib.metadata.version(tool) for tool in TOOLS},
    )


def _sizes(model: HybridCLIP) -> dict[str, int]:
    text, vision = model.config.text, model.config.vision
    return {
        "text layers": text.num_hidden_layers,
        "text width": text.hidden_size,
        "vocabulary": text.vocab_size,
        "picture edge": vision.image_size,
        "joint space": model.config.projection_dim,
    }
