"""Position vectors of a vision transformer for pictures of another size than it was trained on."""

from __future__ import annotations

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
from flax import nnx

from export.checkpoints.paths import parameters
from export.models.config import ConfigError
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP

POSITION = "vision_model/embeddings/position"


def resize_positions(positions: jax.Array, count: int) -> jax.Array:
    """Stretch a square grid of position vectors bicubically; the class token's stays as it is.

    Args:
        positions: (..., 1 + n * n, width) float32, the class token's first.
        count: how many are wanted, 1 + m * m.

    Returns:
        (..., count, width) float32, the same array where the numbers agree.

    Raises:
        ConfigError: a number is not one more than a square.
    """
    old, new = (math.isqrt(number - 1) for number in (positions.shape[-2], count))
    for edge, number in ((old, positions.shape[-2]), (new, count)):
        if edge < 1 or edge * edge + 1 != number:
            raise ConfigError(f"{number} positions are not a class token and a square of patches")
    if old == new:
        return positions
    *leading, _, width = positions.shape
    grid = positions[..., 1:, :].reshape(*leading, old, old, width)
    stretched = jax.image.resize(grid, (*leading, new, new, width), "cubic").astype(positions.dtype)
    return jnp.concatenate([positions[..., :1, :], stretched.reshape(*leading, new * new, width)], axis=-2)


def with_image_size(model: HybridCLIP, size: int) -> HybridCLIP:
    """Return a model with the same parameters that takes pictures of another size.

    Args:
        model: is returned itself where it has that size.
        size: edge of a picture in pixels, a multiple of the patches' edge.

    Raises:
        ConfigError: the vision tower is no transformer, or the size is no multiple.
    """
    vision = model.config.vision
    if vision.image_size == size:
        return model
    if isinstance(vision, EfficientNetConfig):
        raise ConfigError("only a vision transformer can be brought to another image size")
    if size < 1 or size % vision.patch_size:
        raise ConfigError(f"the image size {size} is not a multiple of the patches' {vision.patch_size}")
    config = replace(model.config, vision=replace(vision, image_size=size))
    twin: HybridCLIP = nnx.eval_shape(lambda: HybridCLIP(config, nnx.Rngs(0)))
    known = dict(parameters(model))
    for path, parameter in parameters(twin):
        value = known[path].get_value()
        is_position = path == POSITION
        parameter.set_value(resize_positions(value, parameter.shape[-2]) if is_position else value)
    return twin
