"""Writes the bundle that serving reads: graphs, tokenizer, anchors, description and model card."""

import importlib.metadata
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export import agreement
from export.graphs import ExportError, image_graph, text_function, text_graph
from export.house_checkpoint import HouseCheckpoint
from export.model_card import render_card
from export.quantise import quantise_text, quantise_weights
from export.samples import SAMPLES
from export.smoothing import Feeds
from inference.bundle import (
    BUNDLE_FILE,
    BundleFile,
    BundleSpec,
    CategorySpec,
    ImageSpec,
    TextSpec,
    sha256_of,
)

TEXT_FILE = "text.onnx"
IMAGE_FILE = "image.onnx"
TOKENIZER_FILE = "tokenizer.json"
ANCHORS_FILE = "categories.npy"
CARD_FILE = "MODEL_CARD.md"
TOOLS = ("jax", "flax", "jax2onnx", "onnx", "onnxruntime", "tokenizers")
MEGABYTE = 1_000_000

Progress = Callable[[str], None]
Scores = dict[str, Any]


def write_bundle(
    checkpoint: HouseCheckpoint, folder: Path, *, scores: Scores | None = None, progress: Progress = print
) -> BundleSpec:
    """Export, check and quantise both towers and write everything that serving needs.

    Args:
        checkpoint: the trained model.
        folder: where the files go; made where it is missing.
        scores: figures that join those of the checkpoint in the description and the model card.
        progress: told what is being done, a line at a time.

    Raises:
        ExportError: a graph does not agree with the Flax model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text, text_report = make_text(checkpoint, progress)
    save_graph(text, folder / TEXT_FILE)
    image, image_report = make_image(checkpoint, progress)
    save_graph(image, folder / IMAGE_FILE)
    (folder / TOKENIZER_FILE).write_text(checkpoint.tokenizer, encoding="utf-8")
    np.save(folder / ANCHORS_FILE, checkpoint.anchors, allow_pickle=False)
    found = {"export": {"text": text_report, "image": image_report}}
    spec = _describe(checkpoint, folder, {**checkpoint.settings.scores, **(scores or {}), **found})
    (folder / BUNDLE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
    (folder / CARD_FILE).write_text(render_card(spec), encoding="utf-8")
    progress(f"Wrote {folder}: {sum(file.bytes for file in spec.files.values()) / MEGABYTE:.1f} MB.")
    return spec


def make_text(checkpoint: HouseCheckpoint, progress: Progress) -> tuple[ir.Model, Scores]:
    """Return the int8 text graph, and how it agrees with the Flax model.

    Raises:
        ExportError: the float32 graph is further than the tolerance from the Flax model.
    """
    settings, model = checkpoint.settings, checkpoint.model
    hold = {"hold_slope": settings.hold_slope, "hold_intercept": settings.hold_intercept}
    progress("Tracing the text tower ...")
    graph = text_graph(model, **hold)
    batches = agreement.random_texts(model.config.text.vocab_size, agreement.text_shapes(settings.max_tokens))
    worst = agreement.text_difference(model, text_function(**hold), graph, batches)
    require(worst, "text")
    progress(f"float32 text graph: largest difference from Flax {worst:.1e}. Quantising ...")
    samples = sample_batches(checkpoint)
    small = quantise_text(graph.clone(), samples)
    rows, held = agreement.cosines(graph, small, samples)
    report = {
        "fp32_max_difference": worst,
        "int8_cosine_min": float(rows.min()),
        "int8_cosine_mean": float(rows.mean()),
        "int8_hold_max_difference": held,
    }
    progress(f"int8 text graph: cosine to float32 at least {rows.min():.4f}, mean {rows.mean():.4f}.")
    return small, report


def make_image(checkpoint: HouseCheckpoint, progress: Progress) -> tuple[ir.Model, Scores]:
    """Return the image graph with small weights, and how it agrees with the Flax model.

    Raises:
        ExportError: the float32 graph is further than the tolerance from the Flax model.
    """
    size = checkpoint.settings.image.size
    progress("Tracing the vision tower ...")
    graph = image_graph(checkpoint.model, size)
    worst = agreement.image_difference(checkpoint.model, graph, size)
    require(worst, "image")
    progress(f"float32 image graph: largest difference from Flax {worst:.1e}. Shrinking its weights ...")
    small = quantise_weights(graph.clone())
    rng = np.random.default_rng(1)
    noise = [{"pixel_values": rng.normal(size=(1, 1, size, size, 3)).astype(np.float32)} for _ in range(8)]
    rows, _ = agreement.cosines(graph, small, noise)
    return small, {"fp32_max_difference": worst, "stored_cosine_min": float(rows.min())}


def sample_batches(checkpoint: HouseCheckpoint, texts: Sequence[str] = SAMPLES) -> list[Feeds]:
    """Tokenise texts one by one, as serving does."""
    tokenizer = Tokenizer.from_str(checkpoint.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=checkpoint.settings.max_tokens)
    return [token_feeds(tokenizer.encode(text).ids) for text in texts]


def token_feeds(ids: Sequence[int]) -> dict[str, NDArray[np.int32]]:
    """Return the inputs of a text graph for one message."""
    row = np.array([ids], np.int32)
    return {"input_ids": row, "attention_mask": np.ones_like(row)}


def require(worst: float, tower: str) -> None:
    """Refuse a graph that is further than the tolerance from the Flax model.

    Raises:
        ExportError: says so.
    """
    if not worst <= agreement.TOLERANCE:
        raise ExportError(
            f"The {tower} graph differs by {worst:.2e} from the Flax model, more than {agreement.TOLERANCE}."
        )


def save_graph(model: ir.Model, path: Path) -> None:
    """Write a graph with its weights into one file, the same bytes for the same graph."""
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)
    path.write_bytes(ir.to_proto(model).SerializeToString(deterministic=True))


def _describe(checkpoint: HouseCheckpoint, folder: Path, scores: Scores) -> BundleSpec:
    settings, dim = checkpoint.settings, checkpoint.model.config.projection_dim
    names = (TEXT_FILE, IMAGE_FILE, TOKENIZER_FILE, ANCHORS_FILE)
    return BundleSpec(
        name=settings.name,
        version=settings.version,
        files={n: BundleFile(sha256_of(folder / n), (folder / n).stat().st_size) for n in names},
        text=_text_spec(checkpoint, dim),
        image=_image_spec(checkpoint, dim),
        tokenizer=TOKENIZER_FILE,
        embedding_dim=dim,
        temperature=settings.temperature,
        categories=CategorySpec(settings.categories, ANCHORS_FILE),
        fusion=settings.fusion,
        ranking=settings.ranking,
        calibration=settings.calibration,
        hold_threshold=settings.hold_threshold,
        training=settings.training,
        scores=scores,
        versions={tool: importlib.metadata.version(tool) for tool in TOOLS},
    )


def _text_spec(checkpoint: HouseCheckpoint, dim: int) -> TextSpec:
    return TextSpec(
        file=TEXT_FILE,
        inputs={"input_ids": ["batch", "tokens"], "attention_mask": ["batch", "tokens"]},
        outputs={"embedding": ["batch", dim], "hold": ["batch"]},
        max_tokens=checkpoint.settings.max_tokens,
        pad_id=checkpoint.settings.pad_id,
    )


def _image_spec(checkpoint: HouseCheckpoint, dim: int) -> ImageSpec:
    image = checkpoint.settings.image
    return ImageSpec(
        file=IMAGE_FILE,
        inputs={"pixel_values": ["batch", "frames", image.size, image.size, 3]},
        outputs={"embedding": ["batch", dim]},
        size=image.size,
        mean=image.mean,
        std=image.std,
        background=image.background,
        frames=image.frames,
    )
