"""CLIP's modified ResNet (Radford et al., 2021); RN50x4 is the picture side of a published captioner.

Against an ordinary ResNet it has three convolutions in the stem, averages before it strides, and pools by
attention. Batch normalisation is folded into the convolutions.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from export.models.layers import linear

EXPANSION = 4
HEAD_WIDTH = 64


@dataclass(frozen=True)
class ClipResnetConfig:
    """Sizes of a CLIP ResNet; the defaults are RN50x4.

    Attributes:
        blocks: blocks of each of the four stages.
        width: channels behind the stem.
        output_dim: width of the joint space.
        image_size: edge in pixels, a multiple of 32.
    """

    blocks: tuple[int, ...] = (4, 6, 10, 6)
    width: int = 80
    output_dim: int = 640
    image_size: int = 288

    @property
    def last_width(self) -> int:
        """Channels behind the last stage."""
        return int(self.width * 2 ** (len(self.blocks) - 1) * EXPANSION)


def _convolution(inputs: int, outputs: int, kernel: int, rngs: nnx.Rngs, stride: int = 1) -> nnx.Conv:
    edge = (kernel // 2, kernel // 2)
    return nnx.Conv(inputs, outputs, (kernel, kernel), (stride, stride), padding=[edge, edge], rngs=rngs)


def average(x: jax.Array, stride: int) -> jax.Array:
    """Average squares of pixels: (batch, height, width, channels) to a `stride`-th of the edges."""
    _, height, width, channels = x.shape
    shape = (-1, height // stride, stride, width // stride, stride, channels)
    return x if stride == 1 else x.reshape(shape).mean(axis=(2, 4))


class Bottleneck(nnx.Module):
    """Three convolutions and a shortcut, which has one of its own where sizes differ."""

    def __init__(self, inputs: int, planes: int, stride: int, rngs: nnx.Rngs) -> None:
        outputs = planes * EXPANSION
        self.stride = stride
        self.reduce = _convolution(inputs, planes, 1, rngs)
        self.spatial = _convolution(planes, planes, 3, rngs)
        self.expand = _convolution(planes, outputs, 1, rngs)
        is_same = stride == 1 and inputs == outputs
        self.shortcut = nnx.data(None if is_same else _convolution(inputs, outputs, 1, rngs))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (batch, height, width, inputs) float32 to the outputs at a `stride`-th of the edges."""
        inner = jax.nn.relu(self.spatial(jax.nn.relu(self.reduce(x))))
        inner = self.expand(average(inner, self.stride))
        kept = x if self.shortcut is None else self.shortcut(average(x, self.stride))
        return jax.nn.relu(inner + kept)


class AttentionPool(nnx.Module):
    """The mean of all places asks all places, and itself, for what counts."""

    def __init__(self, config: ClipResnetConfig, rngs: nnx.Rngs) -> None:
        width, places = config.last_width, (config.image_size // 32) ** 2
        self.heads = width // HEAD_WIDTH
        self.position = nnx.Param(jax.random.normal(rngs.params(), (places + 1, width)) * width**-0.5)
        self.query, self.key, self.value = (linear(width, width, std=0.02, rngs=rngs) for _ in range(3))
        self.out = linear(width, config.output_dim, std=0.02, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (batch, height, width, channels) float32 to (batch, output_dim) float32."""
        _, height, wide, width = x.shape
        each = width // self.heads
        places = x.reshape(-1, height * wide, width)
        rows = jnp.concatenate([places.mean(axis=1, keepdims=True), places], axis=1) + self.position[...]
        count = height * wide + 1
        query = self.query(rows[:, :1]).reshape(-1, 1, self.heads, each).transpose(0, 2, 1, 3)
        key = self.key(rows).reshape(-1, count, self.heads, each).transpose(0, 2, 3, 1)
        value = self.value(rows).reshape(-1, count, self.heads, each).transpose(0, 2, 1, 3)
        weights = jax.nn.softmax(jnp.matmul(query, key) * each**-0.5, axis=-1)
        return self.out(jnp.matmul(weights, value).transpose(0, 2, 1, 3).reshape(-1, width))


class ClipResnet(nnx.Module):
    """The picture tower with its projection."""

    def __init__(self, config: ClipResnetConfig, rngs: nnx.Rngs) -> None:
        self.config = config
        self.output_dim = config.output_dim
        half = config.width // 2
        self.stem = nnx.List(
            [
                _convolution(3, half, 3, rngs, stride=2),
                _convolution(half, half, 3, rngs),
                _convolution(half, config.width, 3, rngs),
            ]
        )
        stages: list[Bottleneck] = []
        inputs = config.width
        for stage, count in enumerate(config.blocks):
            planes = config.width * 2**stage
            for number in range(count):
                stride = 2 if stage and not number else 1
                stages.append(Bottleneck(inputs, planes, stride, rngs))
                inputs = planes * EXPANSION
        self.stages = nnx.List(stages)
        self.pool = AttentionPool(config, rngs)

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Map (pictures, height, width, 3) float32 to (pictures, output_dim) float32, not normalised."""
        x = pixels
        for convolution in self.stem:
            x = jax.nn.relu(convolution(x))
        x = average(x, 2)
        for block in self.stages:
            x = block(x)
        return self.pool(x)
