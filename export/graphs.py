"""Flax towers as ONNX graphs: the two functions that serving calls, traced with symbolic sizes."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import jax2onnx
import onnx_ir as ir
from flax import nnx

from export import rewrite
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP
from export.rewrite import OPSET
from inference.errors import ReparteeError

TEXT_INPUTS = ("input_ids", "attention_mask")
TEXT_OUTPUTS = ("embedding", "hold")
IMAGE_INPUTS = ("pixel_values",)
IMAGE_OUTPUTS = ("embedding",)
NOISY_LOGGERS = ("onnx_ir", "jax2onnx", "absl")
"""Loggers that write a line for every node of a graph."""


class ExportError(ReparteeError):
    """A model that cannot be exported; the message says why."""


TextFunction = Callable[[HybridCLIP, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def text_function(*, hold_slope: float = 1.0, hold_intercept: float = 0.0) -> TextFunction:
    """Return what the text graph computes: (model, ids, mask) to unit-norm embeddings, hold probabilities.

    Args:
        hold_slope: factor on the hold logit, from calibration.
        hold_intercept: what is added to it.
    """

    def embed(
        model: HybridCLIP, input_ids: jax.Array, attention_mask: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        text = model.encode_text(input_ids, attention_mask)
        assert text.hold_logit is not None
        return text.embeds, jax.nn.sigmoid(hold_slope * text.hold_logit + hold_intercept)

    return embed


def text_graph(model: HybridCLIP, *, hold_slope: float = 1.0, hold_intercept: float = 0.0) -> ir.Model:
    """Trace the text tower for any batch and length, then simplify the graph.

    Inputs `input_ids` and `attention_mask` (batch, tokens) int32, outputs `embedding` (batch, dim) and
    `hold` (batch,) float32.

    Raises:
        ExportError: the model has no hold head.
    """
    if model.hold_head is None:
        raise ExportError("The model has no hold head (hold_head is false in its config).")
    function = partial(text_function(hold_slope=hold_slope, hold_intercept=hold_intercept), model)
    shape = jax.export.symbolic_shape("batch, tokens")
    inputs = [_symbolic(shape, jnp.int32) for _ in TEXT_INPUTS]
    return trace(function, inputs, TEXT_INPUTS, TEXT_OUTPUTS)


def image_graph(model: HybridCLIP, size: int) -> ir.Model:
    """Trace the vision tower for any batch and number of frames, then simplify the graph.

    Input `pixel_values` (batch, frames, size, size, 3) float32, output `embedding` (batch, dim) float32.
    """
    return picture_graph(_serving_form(model).image_embeds, size, IMAGE_OUTPUTS)


def picture_graph(function: Callable[..., Any], size: int, outputs: Sequence[str]) -> ir.Model:
    """Trace a function of `pixel_values` for any batch and number of frames, then simplify the graph."""
    shape = jax.export.symbolic_shape(f"batch, frames, {size}, {size}, 3")
    return trace(function, [_symbolic(shape, jnp.float32)], IMAGE_INPUTS, outputs)


def _serving_form(model: HybridCLIP) -> HybridCLIP:
    """Undo the formulation that trains faster on a CPU: it has the same weights, but no Conv nodes."""
    vision = model.config.vision
    if not isinstance(vision, EfficientNetConfig) or not vision.cpu_training:
        return model
    config = replace(model.config, vision=replace(vision, cpu_training=False))
    twin: HybridCLIP = nnx.eval_shape(lambda: HybridCLIP(config, nnx.Rngs(0)))
    nnx.update(twin, nnx.state(model, nnx.Param))
    return twin


def _symbolic(shape: Any, dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def trace(
    function: Callable[..., Any], inputs: list[Any], input_names: Sequence[str], output_names: Sequence[str]
) -> ir.Model:
    """Make a simplified graph of a function over arrays whose shapes may have symbols."""
    with _quiet():
        proto = jax2onnx.to_onnx(
            function,
            inputs,
            opset=OPSET,
            normalization_mode="prefer_native",
            input_names=input_names,
            output_names=output_names,
        )
        model: ir.Model = ir.from_proto(proto)
        rewrite.simplify(model)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which logs every node and uses an accessor that Flax has deprecated."""
    levels = {name: logging.getLogger(name).level for name in NOISY_LOGGERS}
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
