"""Fit the hold head again, on the finished text tower: rare messages are best learned on fixed vectors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from export.hold_probe import fit_hold_probe
from export.models.hybrid_clip import HybridCLIP
from export.recipes.house_text import HouseText
from export.text_corpus import Corpus, batches
from export.text_messages import Messages

Floats = npt.NDArray[np.float32]
BATCH = 64


def refit_hold_head(model: HybridCLIP, corpus: Corpus, messages: Messages, recipe: HouseText) -> None:
    """Replace the weights of the hold head.

    Args:
        model: the trained model; its tower stays.
        corpus: the messages that are trained on, with the teacher's opinion mixed into their targets.
        messages: the same messages with the annotators' word.
        recipe: emphasis and penalty.
    """
    said = np.asarray(corpus.targets["hold"], np.float32)
    rows = [messages.rows[i] for i in messages.training]
    known = np.asarray([message.hold is not None for message in rows])
    hold = np.where(known, [bool(message.hold) for message in rows], said).astype(np.float32)
    weights = np.where(known, recipe.hold_emphasis, 1.0).astype(np.float32)
    vectors = pooled_vectors(model, corpus)
    scale = 1 / float(vectors.std())
    probe = fit_hold_probe(vectors, hold, recipe.hold_strength, scale=scale, weights=weights)
    assert model.hold_head is not None
    assert model.hold_head.bias is not None
    model.hold_head.kernel[...] = jnp.asarray(probe.kernel[:, None], jnp.float32)
    model.hold_head.bias[...] = jnp.asarray([probe.bias], jnp.float32)


def pooled_vectors(model: HybridCLIP, corpus: Corpus) -> Floats:
    """Return the pooled text vectors of messages (n, width) float32, before projection."""
    graph, state = nnx.split(model)

    @jax.jit
    def pool(state: Any, ids: jax.Array, mask: jax.Array) -> jax.Array:
        clip = nnx.merge(graph, state)
        return clip.pool_text(clip.encode_text(ids, mask).tower, mask)

    vectors = np.zeros((len(corpus), model.text_model.output_dim), np.float32)
    for rows, batch in batches(corpus, BATCH, 0, None):
        vectors[rows] = np.asarray(pool(state, batch["inputs"], batch["mask"]))[: len(rows)]
    return vectors
