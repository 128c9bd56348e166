"""The vision half of the house model and the loss that pulls pictures to their place in the joint space."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx, serialization, traverse_util

from export.checkpoints.assign import assign
from export.checkpoints.efficientnet import load_lite0
from export.checkpoints.paths import parameters
from export.models.efficientnet import EfficientNet, EfficientNetConfig
from export.models.hybrid_clip import unit_norm
from export.models.layers import linear
from export.space import CATEGORY_DIM, DIM

SAME_MEANING = 0.9
"""Pictures whose identity vectors are at least this similar are not told apart."""


class Sight(nnx.Module):
    """Vision tower and projection, named and used as in `HybridCLIP`.

    Attributes:
        vision_model: The tower.
        visual_projection: Linear map without bias into the joint space.
    """

    def __init__(self, config: EfficientNetConfig, *, rngs: nnx.Rngs, is_pretrained: bool = False) -> None:
        self.vision_model = load_lite0(config) if is_pretrained else EfficientNet(config, rngs)
        self.visual_projection = linear(
            self.vision_model.output_dim, DIM, std=0.02, rngs=rngs, use_bias=False
        )
        self.dropout = nnx.Dropout(0.1)

    def __call__(self, pixels: jax.Array, *, rngs: nnx.Rngs | None = None) -> jax.Array:
        """Map (batch, height, width, 3) to (batch, 256) float32, not normalised; dropout with rngs."""
        features = self.vision_model(pixels)
        if rngs is not None:
            features = self.dropout(features, deterministic=False, rngs=rngs)
        return self.visual_projection(features)


def alignment_loss(
    vectors: jax.Array,
    labels: jax.Array,
    is_known: jax.Array,
    targets: jax.Array,
    *,
    temperature: float,
    category_weight: float,
) -> jax.Array:
    """Return how far pictures are from their targets.

    Identity is a contrast of each picture with all emoji, those of nearly the same meaning left out. A
    picture whose reaction categories are known is drawn to its whole target besides; where they are unknown,
    the category axes stay free.

    Args:
        vectors: (batch, 256) float32, not normalised.
        labels: (batch,) int32, rows of ``targets``.
        is_known: (batch,) bool, whether the target's category part is set.
        targets: (emoji, 256) float32, unit norm.
        temperature: Of the contrast.
        category_weight: Of the cosine distance to the whole target.

    Returns:
        A scalar, float32.
    """
    identities = unit_norm(targets[:, CATEGORY_DIM:])
    logits = unit_norm(vectors[:, CATEGORY_DIM:]) @ identities.T / temperature
    alike = identities[labels] @ identities.T > SAME_MEANING
    own = jax.nn.one_hot(labels, len(targets), dtype=bool)
    logits = jnp.where(alike & ~own, -jnp.inf, logits)
    contrast = -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels]
    distance = 1 - jnp.sum(unit_norm(vectors) * targets[labels], axis=1)
    return jnp.mean(contrast + category_weight * jnp.where(is_known, distance, 0.0))


def weights(model: nnx.Module) -> dict[str, npt.NDArray[np.float32]]:
    """Return the parameters by their ``/``-joined path."""
    return {path: np.asarray(value[...], np.float32) for path, value in parameters(model)}


def save_weights(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write parameters as Flax writes them: a nested dictionary in MessagePack."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nested = traverse_util.unflatten_dict(dict(arrays), sep="/")  # type: ignore[no-untyped-call]
    path.write_bytes(serialization.msgpack_serialize(nested))


def load_weights(path: Path, model: nnx.Module) -> None:
    """Set a model's parameters from what `save_weights` wrote.

    Raises:
        CheckpointError: Names or shapes differ.
    """
    nested = serialization.msgpack_restore(path.read_bytes())
    flat = traverse_util.flatten_dict(nested, sep="/")  # type: ignore[no-untyped-call]
    assign(dict(parameters(model)), flat, source=path.name)
