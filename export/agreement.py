"""How far an exported graph is from the Flax model, and its integer form from its float32 form."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import onnx_ir as ir
from flax import nnx
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions

from export.graphs import TextFunction
from export.models.hybrid_clip import HybridCLIP
from export.smoothing import Feeds

Floats = NDArray[np.float32]
Outputs = list[Floats]

TOLERANCE = 1e-4
"""Largest difference that an fp32 export may show in any output."""

IMAGE_SHAPES = ((1, 1), (2, 3))
"""Batch sizes and numbers of frames on which image graphs are compared."""


def text_shapes(max_tokens: int) -> tuple[tuple[int, int], ...]:
    """List batch sizes and lengths to compare text graphs on, one token and full length among them."""
    return (1, 1), (1, min(16, max_tokens)), (3, min(7, max_tokens)), (2, max_tokens)


def open_graph(model: ir.Model) -> Callable[[dict[str, Any]], Outputs]:
    """Return a function that runs a graph in onnxruntime, on one CPU thread."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    content = ir.to_proto(model).SerializeToString()
    session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda feeds: [np.asarray(output) for output in session.run(None, feeds)]


def random_texts(vocabulary: int, shapes: Sequence[tuple[int, int]], seed: int = 0) -> list[Feeds]:
    """Make one batch a shape; the last row of a batch is padded over its second half."""
    rng = np.random.default_rng(seed)
    batches: list[Feeds] = []
    for batch, tokens in shapes:
        ids = rng.integers(0, vocabulary, (batch, tokens), dtype=np.int32)
        mask = np.ones_like(ids)
        if batch > 1:
            mask[-1, (tokens + 1) // 2 :] = 0
        batches.append({"input_ids": ids, "attention_mask": mask})
    return batches


def text_difference(
    model: HybridCLIP, function: TextFunction, graph: ir.Model, batches: Sequence[Feeds]
) -> float:
    """Return the largest difference of any output of the text graph from the Flax function."""
    run, reference = open_graph(graph), nnx.jit(function)
    worst = 0.0
    for feeds in batches:
        expected = reference(model, jnp.asarray(feeds["input_ids"]), jnp.asarray(feeds["attention_mask"]))
        worst = max(worst, *(_largest(a, b) for a, b in zip(expected, run(dict(feeds)), strict=True)))
    return worst


def image_difference(model: HybridCLIP, graph: ir.Model, size: int, seed: int = 0) -> float:
    """Return the largest difference of the image graph from the Flax tower, on random pixels."""
    run, rng = open_graph(graph), np.random.default_rng(seed)
    embed = nnx.jit(lambda module, pixels: module.image_embeds(pixels))
    worst = 0.0
    for shape in IMAGE_SHAPES:
        pixels = rng.normal(size=(*shape, size, size, 3)).astype(np.float32)
        worst = max(worst, _largest(embed(model, jnp.asarray(pixels)), run({"pixel_values": pixels})[0]))
    return worst


def cosines(before: ir.Model, after: ir.Model, batches: Sequence[Any]) -> tuple[Floats, float]:
    """Compare embeddings of two forms of one graph.

    Returns:
        The cosine of each row, and the largest difference of the hold probability (0 where there is none).
    """
    first, second = open_graph(before), open_graph(after)
    rows, hold = [], 0.0
    for feeds in batches:
        old, new = first(dict(feeds)), second(dict(feeds))
        rows.append(np.sum(old[0] * new[0], axis=-1))
        hold = max(hold, *(_largest(a, b) for a, b in zip(old[1:], new[1:], strict=True)), 0.0)
    return np.concatenate(rows), hold


def _largest(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.asarray(a) - np.asarray(b))))
