"""The loss of a learner on a batch: the reaction itself, and the tasks that help it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from export.models.learners import Signals


@dataclass(frozen=True)
class LossWeights:
    """How much each task counts."""

    category: float = 1.0
    hold: float = 0.5
    emotion: float = 0.5
    emoji: float = 0.1
    identity: float = 0.5
    share: float = 1.0


def objective(signals: Signals, batch: Mapping[str, jax.Array], weights: LossWeights) -> jax.Array:
    """Return the weighted sum of the tasks' mean losses, a float32 scalar.

    Category: cross-entropy against a soft distribution (gold labels or a teacher's, Hinton et al. 2015).
    Hold, emotions: binary cross-entropy. Emoji: cross-entropy. Identity: one minus the cosine with the
    picture's (or frozen encoder's) identity vector, and the squared error of that part's length.
    """
    category = -(batch["category"] * jax.nn.log_softmax(signals.category)).sum(-1)
    hold = optax.sigmoid_binary_cross_entropy(signals.hold, batch["hold"])
    emotion = optax.sigmoid_binary_cross_entropy(signals.emotion, batch["emotion"]).mean(-1)
    emoji = optax.softmax_cross_entropy_with_integer_labels(signals.emoji, batch["emoji"])
    total = (
        weights.category * _mean(category, batch["category_weight"])
        + weights.hold * _mean(hold, batch["hold_weight"])
        + weights.emotion * _mean(emotion, batch["emotion_weight"])
        + weights.emoji * _mean(emoji, batch["emoji_weight"])
    )
    if signals.identity is None:
        return total
    length = jnp.sqrt((signals.identity**2).sum(-1) + 1e-12)
    cosine = (signals.identity * batch["identity"]).sum(-1) / length
    return (
        total
        + weights.identity * _mean(1 - cosine, batch["identity_weight"])
        + weights.share * _mean((length - batch["share"]) ** 2, batch["identity_weight"])
    )


def _mean(losses: jax.Array, weights: jax.Array) -> jax.Array:
    """Return the weighted mean of (batch,) losses over the whole batch, 0 where no row counts."""
    return (losses * weights).sum() / jnp.maximum(weights.shape[0], 1)
