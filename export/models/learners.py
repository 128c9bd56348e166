"""What learns to react: the small text tower of the house model and its large teacher, behind one call."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from export.data.reactions import EMOJI, EMOTIONS
from export.models.hybrid_clip import HybridCLIP, mean_pool
from export.models.layers import dropout, linear
from export.models.mpnet import MPNet
from export.space import CATEGORY_DIM, category_anchors

HEAD_DROPOUT = 0.2


class Signals(NamedTuple):
    """What a learner says of a batch of messages, all float32.

    ``category`` (batch, 48), ``emotion`` (batch, 28), ``emoji`` (batch, 20) and ``hold`` (batch,) are logits;
    ``identity`` (batch, 208) is the identity part of the unit-norm text vector, None for a teacher.
    """

    category: jax.Array
    hold: jax.Array
    emotion: jax.Array
    emoji: jax.Array
    identity: jax.Array | None


class Learner(Protocol):
    """A module that reads token ids, or hidden states, and the mask (batch, tokens) int32.

    Dropout is on where rngs are given.
    """

    def __call__(self, inputs: jax.Array, mask: jax.Array, rngs: nnx.Rngs | None = None) -> Signals:
        """Return the signals of each message."""
        ...


class Student(nnx.Module):
    """The text side of a `HybridCLIP`, with heads for auxiliary tasks that the bundle leaves out."""

    def __init__(self, clip: HybridCLIP, rngs: nnx.Rngs) -> None:
        self.clip = clip
        width = clip.text_model.output_dim
        self.emotion = linear(width, EMOTIONS, std=0.02, rngs=rngs)
        self.emoji = linear(width, EMOJI, std=0.02, rngs=rngs)

    def __call__(self, inputs: jax.Array, mask: jax.Array, rngs: nnx.Rngs | None = None) -> Signals:
        """Return the signals of token ids (batch, tokens) int32; a logit is a cosine over the temperature."""
        text = self.clip.encode_text(inputs, mask, deterministic=rngs is None, rngs=rngs)
        assert text.hold_logit is not None
        pooled = self.clip.pool_text(text.tower, mask)
        scale = jnp.exp(self.clip.logit_scale[...])
        logits = scale * text.embeds @ jnp.asarray(category_anchors()).T
        identity = text.embeds[:, CATEGORY_DIM:]
        return Signals(logits, text.hold_logit, self.emotion(pooled), self.emoji(pooled), identity)


class Teacher(nnx.Module):
    """The upper blocks of MPNet with mean pooling and linear heads; what is below them stays as published."""

    def __init__(self, encoder: MPNet, frozen: int, rngs: nnx.Rngs) -> None:
        self.encoder = encoder
        self.frozen = frozen
        width = encoder.config.hidden_size
        self.category = linear(width, CATEGORY_DIM, std=0.02, rngs=rngs)
        self.hold = linear(width, 1, std=0.02, rngs=rngs)
        self.emotion = linear(width, EMOTIONS, std=0.02, rngs=rngs)
        self.emoji = linear(width, EMOJI, std=0.02, rngs=rngs)

    def __call__(self, inputs: jax.Array, mask: jax.Array, rngs: nnx.Rngs | None = None) -> Signals:
        """Return the signals of hidden states (batch, tokens, width) float16 of `MPNet.lower`."""
        hidden = self.encoder.upper(inputs.astype(jnp.float32), mask, self.frozen, rngs)
        pooled = dropout(mean_pool(hidden, mask), HEAD_DROPOUT, rngs)
        return Signals(
            self.category(pooled), self.hold(pooled)[:, 0], self.emotion(pooled), self.emoji(pooled), None
        )
