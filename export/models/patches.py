"""Cutting pictures into patches, the first step of both kinds of vision transformer."""

import jax
import jax.numpy as jnp
from flax import nnx


def patch_count(image_size: int, patch_size: int) -> int:
    """Return how many whole patches a square picture has."""
    return (image_size // patch_size) ** 2


def patch_convolution(
    channels: int, width: int, patch_size: int, *, use_bias: bool, std: float, rngs: nnx.Rngs
) -> nnx.Conv:
    """Make the convolution that maps each patch to a vector; kernel (height, width, channels, width)."""
    return nnx.Conv(
        channels,
        width,
        (patch_size, patch_size),
        strides=patch_size,
        padding="VALID",
        use_bias=use_bias,
        kernel_init=jax.nn.initializers.normal(std),
        rngs=rngs,
    )


def patch_sequence(pixels: jax.Array, convolution: nnx.Conv, class_token: jax.Array) -> jax.Array:
    """Return the class token and then the patches, row by row.

    Args:
        pixels: (batch, height, width, channels) float32.
        convolution: from `patch_convolution`.
        class_token: any shape that holds exactly one vector.

    Returns:
        (batch, 1 + patches, width) float32.
    """
    patches = convolution(pixels)
    batch, width = pixels.shape[0], patches.shape[-1]
    first = jnp.broadcast_to(class_token.reshape(1, 1, width), (batch, 1, width))
    return jnp.concatenate([first, patches.reshape(batch, -1, width)], axis=1)
