"""One training step of a Hybrid CLIP on replies: texts and the GIFs that answered them.

Two replies with the same GIF, or with GIFs of the same category, are not pushed apart: in a batch of
messages many have the same good answer.
"""

from typing import Any, NamedTuple

import jax
import optax
from flax import nnx

from export.losses import contrastive_loss, same_group
from export.models.hybrid_clip import HybridCLIP
from export.optim import adamw


class ReplyBatch(NamedTuple):
    """Texts with the GIFs that answer them, a row a pair.

    Attributes:
        input_ids: (pairs, tokens) int32.
        attention_mask: (pairs, tokens) int32, 1 for real tokens.
        pixels: (pairs, frames, height, width, 3) float32, normalised, or without the axis of frames where
            one frame stands for a GIF.
        gif_ids: (pairs,) int32, equal for the same GIF; negative where it is not known.
        category_ids: (pairs,) int32, equal for the same reaction category; negative where it has none.
    """

    input_ids: jax.Array
    attention_mask: jax.Array
    pixels: jax.Array
    gif_ids: jax.Array
    category_ids: jax.Array


def pair_loss(logits: jax.Array, batch: ReplyBatch) -> jax.Array:
    """Return the symmetric contrastive loss of (pairs, pairs) float32 logits without pairs that are alike."""
    return contrastive_loss(logits, same_group(batch.gif_ids, batch.category_ids))


def reply_loss(model: HybridCLIP, batch: ReplyBatch, rngs: nnx.Rngs | None = None) -> jax.Array:
    """Return the loss of a batch as a float32 scalar, with dropout where streams are given."""
    output = model(batch.input_ids, batch.pixels, batch.attention_mask, deterministic=rngs is None, rngs=rngs)
    return pair_loss(output.logits_per_text, batch)


def reply_optimiser(
    model: HybridCLIP, learning_rate: optax.ScalarOrSchedule, weight_decay: float
) -> nnx.Optimizer[Any]:
    """Return AdamW for every parameter of a model, its temperature included."""
    return nnx.Optimizer(model, adamw(learning_rate, weight_decay), wrt=nnx.Param)


@nnx.jit
def train_step(
    model: HybridCLIP, optimiser: nnx.Optimizer[Any], batch: ReplyBatch, rngs: nnx.Rngs
) -> jax.Array:
    """Change the model by one step in place.

    Args:
        model: updated in place.
        optimiser: of `reply_optimiser`, updated in place.
        batch: compiled once for each of its shapes.
        rngs: the streams dropout draws from; they move on in place.

    Returns:
        The loss before the step, a float32 scalar.
    """
    loss: jax.Array
    loss, gradients = nnx.value_and_grad(reply_loss)(model, batch, rngs)
    optimiser.update(model, gradients)
    return loss
