"""Writes the parts of a captioner's bundle that an imported and a house captioner have in common."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from export import agreement
from export.bundle import IMAGE_FILE, TOKENIZER_FILE, require, save_graph
from export.caption_agreement import CaptionGraphs
from export.caption_graphs import PREFILL_FILE, STEP_FILE, WEIGHTS_FILE, export_captioner
from export.caption_smoothing import CaptionSamples
from export.graphs import picture_graph
from export.models.clipcap import ClipCap, ClipCapConfig
from export.quantise import quantise_weights
from inference.bundle import BundleFile, sha256_of
from inference.caption_bundle import DecoderSpec

Progress = Callable[[str], None]
Precision = Literal["int8", "float32"]
Scores = dict[str, Any]

MAX_TOKENS = 40
COMPARED_TOKENS = 6


def write_language(
    model: ClipCap,
    folder: Path,
    precision: Precision,
    progress: Progress,
    samples: CaptionSamples | None = None,
) -> Scores:
    """Write the graphs of mapper and language model; the float32 ones are compared with Flax first.

    Args:
        model: the captioner.
        folder: of the bundle.
        precision: of the linear layers.
        progress: told what is being done, a line at a time.
        samples: show the ranges of activations where integers are asked for.

    Raises:
        ExportError: they do not agree.
    """
    progress("Writing the language model ...")
    random = np.random.default_rng(0)
    config = model.config
    prefix = random.normal(size=(2, config.prefix_size)).astype(np.float32)
    room = min(COMPARED_TOKENS, config.gpt2.n_positions - config.prefix_length)
    tokens = random.integers(0, config.gpt2.vocab_size, (2, room))
    expected = np.asarray(nnx.jit(ClipCap.__call__)(model, jnp.asarray(tokens), jnp.asarray(prefix)))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        exact = folder if precision == "float32" else Path(name)
        export_captioner(model, exact)
        found = CaptionGraphs(exact).run(prefix, tokens)
    wanted = expected[:, config.prefix_length - 1 :]
    worst = float(np.abs(found - wanted).max())
    require(worst, "language")
    progress(f"float32 language graphs: largest difference from Flax {worst:.1e}.")
    if precision == "float32":
        return {"fp32_max_difference": worst}
    export_captioner(model, folder, precision=precision, samples=samples)
    rounded = CaptionGraphs(folder).run(prefix, tokens)
    same = float((rounded.argmax(-1) == wanted.argmax(-1)).mean())
    return {
        "fp32_max_difference": worst,
        "int8_mean_difference": float(np.abs(rounded - wanted).mean()),
        "int8_same_likeliest_token": same,
    }


def write_picture_graph(
    function: Callable[[Any, jax.Array], Any],
    model: nnx.Module,
    size: int,
    folder: Path,
    precision: Precision,
    progress: Progress,
    *,
    frames: int = 1,
    outputs: Sequence[str] = ("prefix",),
) -> Scores:
    """Write the graph of a function from (batch, frames, size, size, 3) to vectors (batch, ...) float32.

    Args:
        function: of the model and pixels.
        model: what sees.
        size: edge of a picture in pixels.
        folder: of the bundle.
        precision: "int8" stores the weights small; the arithmetic is float32 either way.
        progress: told what is being done, a line at a time.
        frames: on how many frames the graph is compared with Flax.
        outputs: names of the vectors; of the function's result, a tuple where they are several.

    Raises:
        ExportError: it does not agree with the Flax model.
    """
    progress("Tracing the vision tower ...")
    graph = picture_graph(lambda pixels: function(model, pixels), size, outputs)
    random, reference = np.random.default_rng(0), nnx.jit(function)
    pixels = random.normal(size=(2, frames, size, size, 3)).astype(np.float32)
    expected = jax.tree.leaves(reference(model, jnp.asarray(pixels)))
    found = agreement.open_graph(graph)({"pixel_values": pixels})
    worst = max(
        float(np.abs(np.asarray(want) - have).max()) for want, have in zip(expected, found, strict=True)
    )
    require(worst, "image")
    progress(f"float32 image graph: largest difference from Flax {worst:.1e}.")
    save_graph(quantise_weights(graph) if precision == "int8" else graph, folder / IMAGE_FILE)
    return {"fp32_max_difference": worst}


def caption_files(folder: Path) -> dict[str, BundleFile]:
    """Return size and checksum of each file of a captioner bundle."""
    names = (IMAGE_FILE, PREFILL_FILE, STEP_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
    return {name: BundleFile(sha256_of(folder / name), (folder / name).stat().st_size) for name in names}


def decoder_spec(config: ClipCapConfig, stop_id: int, precision: Precision) -> DecoderSpec:
    """Return what the description of a bundle says of a language model."""
    return DecoderSpec(
        prefill=PREFILL_FILE,
        step=STEP_FILE,
        weights=[WEIGHTS_FILE],
        prefix_size=config.prefix_size,
        prefix_length=config.prefix_length,
        n_layer=config.gpt2.n_layer,
        n_head=config.gpt2.n_head,
        n_embd=config.gpt2.n_embd,
        n_positions=config.gpt2.n_positions,
        vocab_size=config.gpt2.vocab_size,
        stop_id=stop_id,
        max_tokens=min(MAX_TOKENS, config.gpt2.n_positions - config.prefix_length),
        precision=precision,
    )
