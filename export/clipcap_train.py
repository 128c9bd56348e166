"""The training step of ClipCap, in both of its modes: mapper and language model, or the mapper alone.

The loss and the optimiser are the original's, so that a recipe here learns what its scripts learn.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from export.models.clipcap import ClipCap

Mode = Literal["full", "prefix_only"]
IGNORED = 0
"""Padding has this id; a real token of this id is not learnt either, as in the original."""

TRAINED: dict[Mode, Any] = {
    "full": nnx.Param,
    "prefix_only": nnx.All(nnx.Param, nnx.PathContains("mapper")),
}
"""Which parameters a mode changes."""


class CaptionBatch(NamedTuple):
    """Captions with the vectors of their pictures, a row a pair.

    Attributes:
        tokens: (pairs, tokens) int32, padded with 0.
        mask: (pairs, prefix_length + tokens), 0 for padding.
        prefix: (pairs, prefix_size) float32.
    """

    tokens: jax.Array
    mask: jax.Array
    prefix: jax.Array


def token_losses(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the cross-entropy (..., tokens) float32 of (..., tokens, vocabulary) logits."""
    losses: jax.Array = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    return losses


def text_loss(logits: jax.Array, tokens: jax.Array, prefix_length: int) -> jax.Array:
    """Return the mean cross-entropy of the text's tokens but those of id 0.

    Args:
        logits: (pairs, prefix_length + tokens, vocabulary) float32.
        tokens: (pairs, tokens) int32.
        prefix_length: how many positions come before the text.
    """
    each = token_losses(logits[:, prefix_length - 1 : -1], tokens)
    counted = (tokens != IGNORED).astype(each.dtype)
    return jnp.sum(each * counted) / jnp.maximum(jnp.sum(counted), 1.0)


def caption_loss(model: ClipCap, batch: CaptionBatch, rngs: nnx.Rngs | None = None) -> jax.Array:
    """Return the loss of a batch as a float32 scalar, with dropout where streams are given."""
    logits = model(batch.tokens, batch.prefix, batch.mask, deterministic=rngs is None, rngs=rngs)
    return text_loss(logits, batch.tokens, model.config.prefix_length)


class AdamState(NamedTuple):
    """Steps made so far and the running averages of the gradients and their squares."""

    steps: jax.Array
    mean: Any
    square: Any


def transformers_adamw(
    learning_rate: optax.ScalarOrSchedule,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    correct_bias: bool = True,
) -> optax.GradientTransformation:
    """Return the AdamW that the transformers library had in 2021.

    It differs from `optax.adamw`: eps is added to the root of the uncorrected average, so that it weighs more
    in the first steps, and the decay is taken of the parameter after the step.
    """

    def init(params: Any) -> AdamState:
        zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), params)
        return AdamState(jnp.zeros([], jnp.int32), zeros, zeros)

    def update(gradients: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        rate = learning_rate(state.steps) if callable(learning_rate) else learning_rate
        count = state.steps + 1
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mean, gradients)
        square = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.square, gradients)
        size = rate * jnp.sqrt(1 - b2**count) / (1 - b1**count) if correct_bias else rate
        moves = jax.tree.map(lambda m, v: -size * m / (jnp.sqrt(v) + eps), mean, square)
        if weight_decay:
            moves = jax.tree.map(lambda move, p: move - rate * weight_decay * (p + move), moves, params)
        return moves, AdamState(count, mean, square)

    return optax.GradientTransformation(init, update)


def caption_optimiser(
    model: ClipCap, transformation: optax.GradientTransformation, mode: Mode
) -> nnx.Optimizer[Any]:
    """Return an optimiser for the parameters that a mode changes."""
    return nnx.Optimizer(model, transformation, wrt=TRAINED[mode])


def _step(
    model: ClipCap, optimiser: nnx.Optimizer[Any], batch: CaptionBatch, rngs: nnx.Rngs | None, mode: Mode
) -> jax.Array:
    loss: jax.Array
    wrt = nnx.DiffState(0, TRAINED[mode])
    loss, gradients = nnx.value_and_grad(caption_loss, argnums=wrt)(model, batch, rngs)
    optimiser.update(model, gradients)
    return loss


@nnx.jit
def train_step(
    model: ClipCap, optimiser: nnx.Optimizer[Any], batch: CaptionBatch, rngs: nnx.Rngs | None = None
) -> jax.Array:
    """Change mapper and language model by one step in place.

    Args:
        model: updated in place.
        optimiser: of `caption_optimiser` for the mode "full", updated in place.
        batch: compiled once for each of its shapes.
        rngs: the streams dropout draws from; none where None.

    Returns:
        The loss before the step, a float32 scalar.
    """
    return _step(model, optimiser, batch, rngs, "full")


@nnx.jit
def prefix_step(model: ClipCap, optimiser: nnx.Optimizer[Any], batch: CaptionBatch) -> jax.Array:
    """Change the mapper by one step in place; the language model stays, and has no dropout.

    Arguments as `train_step`, the optimiser one for the mode "prefix_only".
    """
    return _step(model, optimiser, batch, None, "prefix_only")
